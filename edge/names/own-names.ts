// The resolver of this agent: names of the mesh out of the records it has, so that they are found with the hub gone.

import type { Address } from '../../shared/address/cidr.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { nameAnswersPerSecondMax } from '../../shared/name-limits.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { AgentSettings } from '../agent.ts'
import { exitOf } from '../plan/exit.ts'
import type { Health } from '../report/health.ts'
import type { OwnServices } from '../services/own-services.ts'
import type { Holding } from '../trust/holding.ts'
import type { Members } from '../trust/members.ts'
import type { Reply } from './answer.ts'
import type { NameDoors, NameServer, NamesStatus } from './doors.ts'
import type { Further } from './further.ts'
import { createHostNames, type HostNames } from './host-names.ts'
import type { Answering } from './pod-names.ts'
import type { Transport } from './question.ts'
import { type SiteZones, siteZonesOf } from './site-zones.ts'
import { reverseZones } from './wiring/zones.ts'
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
  readonly settings: Pick<AgentSettings, 'interface'>
}

export interface NamesAround {
  readonly clock: Clock
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly holding: Pick<Holding, 'inForce'>
  readonly members: Pick<Members, 'me'>
  /** Told where somebody looks for services. */
  readonly services?: Pick<OwnServices, 'headless' | 'named'>
}

/** `names`: absent where this agent answers nobody. */
export function createOwnNames({ log, names, settings }: OwnNamesOptions, around: NamesAround): OwnNames {
  const { clock, health, holding, members, services } = around
  const isFree = createBudget(clock, nameAnswersPerSecondMax)
  let [answered, spared] = [0, 0]
  let server: NameServer | undefined
  let further: Further | undefined
  let opening = false
  let closed = false
  let made:
    | {
        readonly from: unknown
        readonly pods: Answering | undefined
        readonly zone: Zone | undefined
        readonly outside: readonly Address[]
      }
    | undefined

  /** Made anew when somebody asks, and not whenever a pod is ready or no more. */
  const zone = (): Zone | undefined => {
    const from = holding.inForce()
    const answering = services?.headless()
    const pods = answering === undefined || answering.size === 0 ? undefined : answering
    if (made === undefined || made.from !== from || made.pods !== pods) {
      const zoned = from === undefined ? undefined : zoneOf(from.parsed.records, from.version.revision, pods)
      made = { from, pods, zone: zoned, outside: from === undefined ? [] : outsideOf(from.parsed.records) }
    }
    return made.zone
  }

  /** Where the mesh side is apart from the host, nobody else is asked there: all names, where an exit leads to name servers. */
  const outsideOf = (records: ParsedRecords): readonly Address[] => {
    const me = names?.host === undefined ? members.me() : undefined
    return me === undefined ? [] : (exitOf(records, me.nodeId)?.resolvers ?? [])
  }
  const outside = (): readonly Address[] => (zone() === undefined ? [] : (made?.outside ?? []))

  const own = (): readonly Address[] => (zone() === undefined ? [] : (members.me()?.addresses ?? []))

  /** Less those name servers that are this host: who asks himself through us asks for ever. */
  const siteZones = (): SiteZones => siteZonesOf(zone()?.siteZones ?? [], names?.local?.() ?? new Set(own()))

  /** Of programs of this host, whoever else would be answered. */
  const furtherAnswer = async (
    question: Buffer,
    transport: Transport,
    from: string,
    others: readonly string[],
  ): Promise<Uint8Array | undefined> => {
    const isOwn = from.startsWith('127.') || from === '::1' || own().some((address) => address === from)
    if (names?.ask === undefined || !isOwn) return undefined
    const { askedOf } = await import('./wire.ts')
    const { createFurther } = await import('./further.ts')
    const asked = askedOf(question)
    further ??= createFurther(names.ask, clock)
    return asked === undefined ? undefined : await further.answer(question, asked, transport, siteZones(), others)
  }

  const answer = async (
    question: Uint8Array,
    transport: Transport,
    from: string,
    others: readonly string[] = [],
  ): Promise<Uint8Array | undefined> => {
    if (!isFree()) {
      spared += 1
      return undefined
    }
    // Most devices are never asked.
    const { respond } = await import('./wire.ts')
    const known = zone()
    let isOurs = true
    const tell = ({ answers, additional, rcode }: Reply): void => {
      isOurs = rcode !== 'REFUSED'
      const found = [...answers, ...additional].flatMap((one) => {
        return (one.type === 'A' || one.type === 'AAAA') && known?.virtual.has(one.data) === true ? [one.data] : []
      })
      if (found.length > 0) services?.named(found)
    }
    const reply = respond(known, question, transport, tell, answered)
    const said = isOurs ? reply : ((await furtherAnswer(Buffer.from(question), transport, from, others)) ?? reply)
    if (said !== undefined) answered += 1
    return said
  }

  const host: HostNames | undefined =
    names === undefined
      ? undefined
      : createHostNames(names, {
          clock,
          health,
          log,
          answer: (question, transport, from) => answer(question, transport, from, host?.upstream()),
        })

  const open = async (): Promise<void> => {
    if (names?.open === undefined || server !== undefined || opening) return
    opening = true
    const opened = await names.open({
      port: names.port,
      log,
      answer: (question, transport, from) => answer(question, transport, from, outside()),
    })
    opening = false
    if (closed) return opened.close()
    server = opened
    await server.follow(own())
  }

  const openPlaces = (): readonly Address[] => own().filter((address) => server?.refused().has(address) === false)

  const tellHost = async (): Promise<void> => {
    const [known, at] = [zone(), names?.open === undefined ? own() : openPlaces()]
    if (host === undefined || names === undefined || known === undefined) return
    if (at.length === 0) return
    const zones = [...known.domains, ...known.blocks.flatMap(reverseZones), ...siteZones().map((one) => one.zone)]
    await host.follow({ interface: settings.interface, zones, at, port: names.port })
  }

  return {
    follow() {
      if (names === undefined || closed) return
      const heard = server?.follow(own()) ?? (own().length > 0 ? open() : Promise.resolve())
      void heard.then(tellHost)
    },
    close() {
      closed = true
      host?.close()
      server?.close()
      server = undefined
    },
    status() {
      const known = zone()
      if (names === undefined || server === undefined || known === undefined) return undefined
      const refused = server.refused()
      const told = host?.status()
      return {
        domain: known.domains.join(' and '),
        port: names.port,
        at: own().filter((address) => !refused.has(address)),
        refused: Array.from(refused, ([address, why]) => ({ address, why })),
        answered,
        spared,
        ...(told === undefined ? {} : { host: told }),
      }
    },
  }
}
