// Which relays a pair may use by the network's relayPolicy, of what this node holds: for `holdfast explain`.

import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { mayBeBy, type Residency, residencyOf } from '../../shared/intent/relay-policy.ts'
import { residencyLines } from '../../shared/intent/residency-text.ts'
import type { PathReport, PathsReport } from '../paths/report.ts'
import type { Cli } from './context.ts'
import { isReached } from './explain-text.ts'
import { recordsOf } from './known.ts'

/** Undefined where no rule speaks of either. */
export async function residencyHere(cli: Cli, self: NodeId, peer: NodeId): Promise<Residency | undefined> {
  try {
    const { network, nodes } = recordsOf(await (await import('./carry.ts')).intentFile(cli))
    const [a, b] = [self, peer].map((id) => nodes.find(({ nodeId }) => nodeId === id))
    if (network === undefined || a === undefined || b === undefined) return undefined
    const relays = nodes.filter(({ relay }) => relay !== undefined)
    return residencyOf(network.spec.relayPolicy, [a, b], relays)
  } catch (error) {
    // How the peer is reached is known all the same.
    cli.note(`which relays the pair may use is not known: ${describeError(error)}`)
    return undefined
  }
}

/** A relay that this node knows nothing of may be the other end's to reach. */
export function residencyText(residency: Residency, { relays = [] }: PathsReport, { candidates }: PathReport): string {
  const silent = new Set<string>(relays.filter(({ by }) => by === 'silent').map(({ name }) => name))
  const lines = residencyLines(residency, {
    isReached: candidates.some((one) => isReached(one) && mayBeBy(residency, one)),
    answers: (name) => !silent.has(name),
  })
  return `${lines.join('\n')}\n`
}
