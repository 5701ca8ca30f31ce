// Has programs of this host find names of the mesh: whoever answers names here is told of this agent, and where that is libc
// alone, it is answered on this host besides, for all names.

import type { Clock, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Health } from '../report/health.ts'
import type { NameDoors, NameServer, NameServerOptions } from './doors.ts'
import type { Way, Wiring, WiringStatus } from './wiring/doors.ts'
import type { OwnWiring } from './wiring/own-wiring.ts'
import { stubAddress, stubPort } from './wiring/resolv-conf.ts'

export interface HostNames {
  follow(wanted: Omit<Wiring, 'way'> | undefined): Promise<void>
  /** Whom libc asked before. */
  upstream(): readonly string[]
  status(): WiringStatus | undefined
  close(): void
}

interface Around {
  readonly clock: Clock
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly log: Log
  /** To what libc asks. */
  readonly answer: NameServerOptions['answer']
}

export function createHostNames({ host, open }: Pick<NameDoors, 'host' | 'open'>, around: Around): HostNames {
  const { answer, log } = around
  let wiring: OwnWiring | undefined
  let stub: NameServer | undefined
  let closed = false

  /** Before libc is sent there. */
  const prepare = async (way: Way): Promise<void> => {
    if (way !== 'file' || open === undefined) {
      stub?.close()
      stub = undefined
      return
    }
    stub ??= await open({ port: stubPort, log, answer })
    if (closed) return stub.close()
    await stub.follow([stubAddress])
    const why = stub.refused().get(stubAddress)
    if (why === undefined) return
    const remedy = 'Have the name server that is there listen elsewhere, or ask this agent; or say dns: off.'
    throw new HoldfastError('failed', `nothing can be answered at ${stubAddress} port ${stubPort}: ${why}`, { remedy })
  }

  return {
    async follow(wanted) {
      if (host === undefined || closed) return
      if (wiring === undefined) {
        const { createOwnWiring } = await import('./wiring/own-wiring.ts')
        wiring ??= createOwnWiring(await host.open(), host.choice, { ...around, prepare })
      }
      if (!closed) await wiring.follow(wanted)
    },
    upstream: () => wiring?.upstream() ?? [],
    status: () => wiring?.status(),
    // What the host was told stays told: the next process answers, and meanwhile the kernel refuses at once.
    close() {
      closed = true
      stub?.close()
    },
  }
}
