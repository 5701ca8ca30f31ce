// One look at what works: everything, before a revision; what worked then, afterwards. Never throws and never hangs.

import { askedAt } from '../../shared/address/mesh-blocks.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Version } from '../../shared/record/head.ts'
import type { HubLink } from '../link/hub-link.ts'
import type { PeerBook, PeerEntry } from '../report/peers.ts'
import type { ConfirmDoors, Surroundings } from './doors.ts'
import { bounded, type Seen, type Working } from './working.ts'

export interface LooksOptions {
  readonly doors: ConfirmDoors
  readonly clock: Clock
  readonly link: () => Pick<HubLink, 'state' | 'prove' | 'nudge'> | undefined
  readonly peers: Pick<PeerBook, 'entries' | 'of'>
  /** Relays that hold a place for this node. */
  readonly relays: () => readonly NodeId[]
  /** True for an interface that reaches a physical network: containers come and go. */
  readonly isPhysical: (link: string) => boolean
  /** The last turn brought the kernel wholly to what is followed. */
  readonly isProgrammed: () => boolean
  /** What is followed, where the kernel was not brought to it yet. */
  readonly due: () => Version | undefined
}

export interface Looks {
  /** Everything that works now. */
  note(): Promise<Working>
  /** What of `before` works now, each tried. `eager`: a link that waits for its next try is not waited for. */
  see(before: Working, eager: boolean): Promise<Seen>
}

/** Of everything that is asked together; each door has its own, shorter. */
const PATIENCE_MS = 4_000

const NOWHERE: Surroundings = { gateways: [], neighbours: [] }

export function createLooks(options: LooksOptions): Looks {
  const { clock, doors, due, isPhysical, isProgrammed, link, peers, relays } = options
  /** Of a link that hangs, one question at a time is enough. */
  let proving: Promise<boolean> | undefined

  /** `otherwise` where there is no answer in time. */
  const within = async <T>(asked: Promise<T>, otherwise: T): Promise<T> => {
    const late = Promise.withResolvers<T>()
    const timer = clock.after(PATIENCE_MS, () => late.resolve(otherwise))
    try {
      return await Promise.race([asked.catch(() => otherwise), late.promise])
    } finally {
      timer.cancel()
    }
  }

  const answering = async <T>(list: readonly T[], ask: (one: T) => Promise<boolean>): Promise<T[]> => {
    const answers = await Promise.all(list.map((one) => within(ask(one), false)))
    return list.filter((_, at) => answers[at] === true)
  }

  const hubAnswers = async (eager: boolean): Promise<boolean> => {
    const hub = link()
    if (hub?.state().up === true) {
      const asked =
        proving ??
        hub.prove().then(
          () => true,
          () => false,
        )
      proving = asked
      void asked.finally(() => (proving = undefined))
      if (await within(asked, false)) return true
    }
    if (eager) hub?.nudge()
    return doors.hubRefuses !== undefined && (await within(doors.hubRefuses(), false))
  }

  const peerAnswers = async (node: NodeId): Promise<boolean> => {
    const entry = peers.of(node)
    const { answers } = doors
    if (entry === undefined) return false
    // Without anybody to ask, WireGuard's own word has to do.
    if (answers === undefined) return entry.path !== 'none'
    const answered = await Promise.all(askedAt(entry.member.addresses).map((address) => answers(address)))
    return answered.includes(true)
  }

  /** Once more where a lossy path may have swallowed the question: who is not noted now is not missed later. */
  const isThere = async (node: NodeId): Promise<boolean> => (await peerAnswers(node)) || (await peerAnswers(node))

  const surroundings = (noted: readonly string[]): Promise<Surroundings> =>
    doors.surroundings === undefined ? Promise.resolve(NOWHERE) : within(doors.surroundings(noted), NOWHERE)

  /** Of an agent that has just died this holds for a while yet. */
  const isTalkedWith = ({ activeUntil, path }: PeerEntry): boolean => path !== 'none' && activeUntil > clock.monotonic()

  const onPhysical = (list: readonly string[]): string[] =>
    bounded(list.filter((one) => isPhysical(one.split(' ')[0] ?? '')))

  const ask = (probe: string): Promise<boolean> => doors.ask?.(probe) ?? Promise.resolve(false)

  return {
    async note() {
      const state = link()?.state()
      const talked = bounded(peers.entries.filter(isTalkedWith).map(({ member }) => member.nodeId))
      const [around, answered, probes] = await Promise.all([
        surroundings([]),
        answering(talked, isThere),
        answering(bounded(doors.probes ?? []), ask),
      ])
      return {
        hub: state?.up === true && state.hubOnline,
        kernel: isProgrammed(),
        gateways: bounded(around.gateways),
        neighbours: onPhysical(around.neighbours),
        relays: bounded(relays()),
        peers: answered,
        probes,
      }
    },
    async see(before, eager) {
      const noted = [...before.gateways, ...before.neighbours]
      const [hub, around, answered, probes] = await Promise.all([
        before.hub ? hubAnswers(eager) : false,
        noted.length > 0 ? surroundings(noted) : NOWHERE,
        answering(before.peers, peerAnswers),
        answering(before.probes, ask),
      ])
      const still = (list: readonly string[], now: readonly string[]): string[] =>
        list.filter((one) => now.includes(one))
      return {
        hub,
        kernel: isProgrammed(),
        gateways: still(before.gateways, around.gateways),
        neighbours: still(before.neighbours, around.neighbours),
        relays: bounded(before.relays.filter((node) => relays().includes(node))),
        peers: answered,
        probes,
        due: due(),
      }
    },
  }
}
