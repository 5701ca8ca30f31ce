// The resolver of this agent: names of the mesh out of the records it has, so that they are found with the hub gone.

import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { nameAnswersPerSecondMax } from '../../shared/name-limits.ts'
import type { OwnServices } from '../services/own-services.ts'
import type { Holding } from '../trust/holding.ts'
import type { Members } from '../trust/members.ts'
import type { Reply } from './answer.ts'
import type { NameDoors, NameServer, NamesStatus } from './doors.ts'
import type { Answering } from './pod-names.ts'
import type { Transport } from './wire.ts'
import { type Zone, zoneOf } from './zone.ts'

export interface OwnNames {
  /** After each turn. */
  follow(): void
  close(): void
  status(): NamesStatus | undefined
}

const SECOND_MS = 1_000

/** What is left of this second; counts exactly, and forgets. */
function createBudget(clock: Clock, perSecond: number): () => boolean {
  let [since, spent] = [Number.NEGATIVE_INFINITY, 0]
  return () => {
    const now = clock.monotonic()
    if (now - since >= SECOND_MS) [since, spent] = [now, 0]
    spent += 1
    return spent <= perSecond
  }
}

interface OwnNamesOptions {
  readonly log: Log
  readonly names?: NameDoors | undefined
}

export interface NamesAround {
  readonly clock: Clock
  readonly holding: Pick<Holding, 'inForce'>
  readonly members: Pick<Members, 'me'>
  /** Told where somebody looks for services. */
  readonly services?: Pick<OwnServices, 'headless' | 'named'>
}

/** `names`: absent where this agent answers nobody. */
export function createOwnNames({ log, names }: OwnNamesOptions, around: NamesAround): OwnNames {
  const { clock, holding, members, services } = around
  const isFree = createBudget(clock, nameAnswersPerSecondMax)
  let [answered, spared] = [0, 0]
  let server: NameServer | undefined
  let opening = false
  let closed = false
  let made:
    | { readonly from: unknown; readonly pods: Answering | undefined; readonly zone: Zone | undefined }
    | undefined

  /** Made anew when somebody asks, and not whenever a pod is ready or no more. */
  const zone = (): Zone | undefined => {
    const from = holding.inForce()
    const answering = services?.headless()
    const pods = answering === undefined || answering.size === 0 ? undefined : answering
    if (made === undefined || made.from !== from || made.pods !== pods) {
      const zoned = from === undefined ? undefined : zoneOf(from.parsed.records, from.version.revision, pods)
      made = { from, pods, zone: zoned }
    }
    return made.zone
  }

  const answer = async (question: Uint8Array, transport: Transport): Promise<Uint8Array | undefined> => {
    if (!isFree()) {
      spared += 1
      return undefined
    }
    // Most devices are never asked.
    const { respond } = await import('./wire.ts')
    const known = zone()
    const tell = ({ answers, additional }: Reply): void => {
      const found = [...answers, ...additional].flatMap((one) => {
        return (one.type === 'A' || one.type === 'AAAA') && known?.virtual.has(one.data) === true ? [one.data] : []
      })
      if (found.length > 0) services?.named(found)
    }
    const reply = respond(known, question, transport, tell, answered)
    if (reply !== undefined) answered += 1
    return reply
  }

  const own = (): readonly Address[] => (zone() === undefined ? [] : (members.me()?.addresses ?? []))

  const open = async (): Promise<void> => {
    if (names === undefined || server !== undefined || opening) return
    opening = true
    const opened = await names.open({ port: names.port, log, answer })
    opening = false
    if (closed) return opened.close()
    server = opened
    await server.follow(own())
  }

  return {
    follow() {
      if (names === undefined || closed) return
      if (server !== undefined) void server.follow(own())
      else if (own().length > 0) void open()
    },
    close() {
      closed = true
      server?.close()
      server = undefined
    },
    status() {
      const known = zone()
      if (names === undefined || server === undefined || known === undefined) return undefined
      const refused = server.refused()
      return {
        domain: known.domains.join(' and '),
        port: names.port,
        at: own().filter((address) => !refused.has(address)),
        refused: Array.from(refused, ([address, why]) => ({ address, why })),
        answered,
        spared,
      }
    },
  }
}
