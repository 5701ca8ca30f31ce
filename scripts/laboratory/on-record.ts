// Who asked a gateway from outside the mesh, as its own record of flows has it.

import type { FlowsAnswer, ShownFlow } from '../../shared/flows/query.ts'
import type { LabNode } from './node.ts'
import { holds, waitFor } from './wait.ts'

const PATIENCE_MS = 60_000

/** Who asked a gateway, for what, and where that went on to. */
export interface Asked {
  readonly outside: string
  readonly service: string
  readonly protocol: 'tcp' | 'udp'
  /** Of the backend, or of the service where nft counts what the gateway asks for itself. */
  readonly port: number
}

const NUMBERS = { tcp: 6, udp: 17 } as const

/** Asks anew until the gateway has all of that on record. */
export function onRecord(
  gateway: LabNode,
  wanted: readonly Asked[],
  askAgain: () => Promise<unknown>,
): Promise<unknown> {
  const isIn = (items: readonly ShownFlow[], { outside, port, protocol, service }: Asked): boolean =>
    items.some(
      ({ destinationPort, outside: asked, source, ...flow }) =>
        flow.protocol === NUMBERS[protocol] &&
        destinationPort === port &&
        source.name === gateway.name &&
        asked?.address === outside &&
        asked.port !== undefined &&
        asked.service === service,
    )
  return waitFor(
    `${gateway.name} has who asked on record`,
    async () => {
      const { items } = JSON.parse(await gateway.cli(['flows', '--json'])) as FlowsAnswer
      const missing = wanted.filter((one) => !isIn(items, one))
      if (missing.length > 0) await askAgain()
      return holds(missing.length === 0, JSON.stringify([missing, items.slice(-4)]))
    },
    { timeoutMs: PATIENCE_MS },
  )
}
