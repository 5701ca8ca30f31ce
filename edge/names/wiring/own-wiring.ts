// Keeps whoever answers names on this host told of the mesh's: looks when something changed, does not fight who else writes
// there, and says why where nobody is told.

import type { Clock, Log } from '../../../shared/effects.ts'
import { describeError } from '../../../shared/errors.ts'
import type { Health } from '../../report/health.ts'
import { chooseWay } from './choose.ts'
import type { HostResolver, Way, Wiring, WiringChoice, WiringStatus } from './doors.ts'
import { upstreamOf } from './resolv-conf.ts'

export interface OwnWiring {
  /** Resolves when the host is told, or it is known why not; never rejects. Undefined: nobody is to be told for now. */
  follow(wanted: Omit<Wiring, 'way'> | undefined): Promise<void>
  status(): WiringStatus
  /** Whom libc asked before us; empty but where we are asked for all names. */
  upstream(): readonly string[]
}

/** Beyond that somebody else wants it otherwise: a lease of a DHCP client that is renewed every few minutes is no fight. */
const APPLIED_PER_HOUR = 12
const HOUR_MS = 3_600_000
/** What could not be done is tried again. */
const RETRY_MS = 60_000
/** What no signature tells, such as a dnsmasq that was started. */
const LOOK_MS = 5 * 60_000

interface Around {
  readonly clock: Clock
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly log: Log
  /** Before that one is told; throws where it would be told in vain. */
  readonly prepare: (way: Way) => Promise<void>
}

export function createOwnWiring(
  host: HostResolver,
  choice: WiringChoice,
  { clock, health, log, prepare }: Around,
): OwnWiring {
  let status: WiringStatus = {}
  let upstream: readonly string[] = []
  let seen = ''
  let dueAt = Number.NEGATIVE_INFINITY
  let applied: readonly number[] = []
  let running: Promise<void> | undefined

  /** False where somebody else wants it otherwise. */
  const apply = async (wiring: Wiring): Promise<boolean> => {
    if (await host.stands(wiring)) return true
    const now = clock.monotonic()
    applied = applied.filter((at) => now - at < HOUR_MS)
    if (applied.length >= APPLIED_PER_HOUR) {
      const why = 'somebody else writes there again and again: it is left alone for a while'
      health.raise('names-not-wired', why)
      status = { why }
      return false
    }
    applied = [...applied, now]
    await host.apply(wiring)
    log.info('programs of this host find names of the mesh', { by: wiring.way })
    return true
  }

  const look = async (wanted: Omit<Wiring, 'way'>): Promise<void> => {
    const surroundings = await host.read()
    const chosen = chooseWay(surroundings, choice)
    if ('why' in chosen) {
      upstream = []
      status = chosen
      health.clear('names-not-wired')
      return await host.cleanup({ ...wanted, way: 'resolved' })
    }
    upstream = chosen.way === 'file' ? upstreamOf(surroundings.resolvConf?.text ?? '') : []
    await prepare(chosen.way)
    if (!(await apply({ ...wanted, way: chosen.way }))) return
    status = { by: chosen.way }
    health.clear('names-not-wired')
  }

  const attempt = async (wanted: Omit<Wiring, 'way'>): Promise<void> => {
    try {
      await look(wanted)
      dueAt = clock.monotonic() + LOOK_MS
    } catch (error) {
      const why = describeError(error)
      status = { why }
      health.raise('names-not-wired', why)
      dueAt = clock.monotonic() + RETRY_MS
    }
  }

  return {
    async follow(wanted) {
      if (wanted === undefined) return
      const signature = `${JSON.stringify(wanted)} ${host.signature()}`
      if (running !== undefined || (signature === seen && clock.monotonic() < dueAt)) return await running
      seen = signature
      running = attempt(wanted)
      await running
      running = undefined
    },
    status: () => status,
    upstream: () => upstream,
  }
}
