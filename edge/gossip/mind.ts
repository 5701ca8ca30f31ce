// What to say, to whom, and when: events in, actions out. Knows no clock, no socket and no key; what it makes of others' words
// costs at most an answer and an exchange, and whatever an exchange brings is verified where it is taken.

import { sameBytes } from '../../shared/bytes.ts'
import type { NodeId } from '../../shared/ids.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import type { GossipState } from '../../shared/wire/gossip-state.ts'
import { type Acquaintances, createAcquaintances, type GossipPeer, isAlone, pick } from './acquaintance.ts'
import { createBeats } from './beats.ts'
import { type Hearsay, hearsayOf } from './hearsay.ts'
import { createPulls } from './pulls.ts'
import { createRumour, FANOUT } from './rumour.ts'

export type MindEvent =
  /** The members and their ways are these from now on. */
  | { readonly type: 'peers'; readonly list: readonly GossipPeer[] }
  /** The hub came or went; undefined while nobody knows yet. */
  | { readonly type: 'mode'; readonly online: boolean | undefined }
  /** A newer revision is held. `by`: the peer that brought it; `alone`: the hub did not. */
  | { readonly type: 'taken'; readonly by?: NodeId | undefined; readonly alone: boolean }
  /** A fact became known: this node's own, or one that a peer, a beacon or the hub brought. */
  | { readonly type: 'fact'; readonly about: NodeId; readonly by: NodeId | 'self' | 'hub' }
  /** A peer says what it holds. A hello wants an answer; a beacon goes to everybody. */
  | {
      readonly type: 'heard'
      readonly node: NodeId
      readonly state: GossipState
      readonly how: 'hello' | 'answer' | 'beacon'
    }
  /** An exchange that this node began is over. `fine`: it brought what the peer had said it holds. */
  | { readonly type: 'ended'; readonly node: NodeId; readonly fine: boolean; readonly facts: boolean }
  /** An exchange that the peer began is over. */
  | { readonly type: 'served'; readonly node: NodeId }
  | { readonly type: 'time' }

export type MindAction =
  | { readonly type: 'hello' | 'answer'; readonly node: NodeId }
  /** Pass on what is known of `about`. */
  | { readonly type: 'fact'; readonly node: NodeId; readonly about: NodeId }
  /** `wakes`: it is worth a handshake. */
  | { readonly type: 'exchange'; readonly node: NodeId; readonly facts: boolean; readonly wakes: boolean }

export interface MindOptions {
  readonly metered: boolean
  /** In [0, 1). */
  readonly random: () => number
  /** What this node holds now. */
  readonly own: () => GossipState
  /** This node relays for others. */
  readonly isRelay: () => boolean
  readonly now: number
}

export interface Mind {
  handle(event: MindEvent, now: number): readonly MindAction[]
  /** Monotonic milliseconds of the next `time` event it wants. */
  dueAt(): number
  /** The version that the peer said it holds. */
  promised(node: NodeId): Version | undefined
  hearsay(now: number): Hearsay
}

/** What the hub spreads comes within this of itself; a peer need not be asked for it. */
const HUB_GRACE_MS = 2_000
/** Between a start and the first word that may wake somebody; a hub that is there is heard within it, … */
const SETTLE_MS = 5_000
/** … or so much later on a slow device or link: until it is known to be away, nobody is woken for its absence. */
const SETTLE_MS_MAX = 20_000
/** Between two exchanges of facts with one peer. Facts of a large fleet change all the time, and a list of them weighs. */
const FACTS_GAP_MS = 10_000
const FACTS_GAP_METERED_MS = 15 * 60_000
/** Peers greeted a second as ways to them come up: a hub of a star has a thousand. */
const GREETED_MAX = 3
const GREET_MS = 1_000
/** Everybody on a LAN hears one beacon: they come one after the other, and most find that another has told it meanwhile. */
const BEACON_MS = 3_000

export function createMind(options: MindOptions): Mind {
  const { isRelay, metered, own, random } = options
  const book: Acquaintances = createAcquaintances()
  const rumour = createRumour({ book, random })
  const beats = createBeats({ book, metered, random, now: options.now })
  const pulls = createPulls({ book, random })
  const greet = new Set<NodeId>()
  let settledAt = options.now + SETTLE_MS_MAX
  let greetAt = settledAt
  let ownFact: NodeId | undefined
  let reached: ReadonlySet<NodeId> = new Set()
  let online = false

  const setPeers = (list: readonly GossipPeer[], now: number): void => {
    book.setPeers(list)
    const before = reached
    reached = new Set(list.filter(({ awake }) => awake).map(({ node }) => node))
    // Who hears the hub and pays by the byte is told by others if it misses anything.
    if (metered && online) return
    for (const node of reached) if (!before.has(node)) greet.add(node)
    if (greet.size > 0 && greetAt === Number.POSITIVE_INFINITY) greetAt = now
  }

  const setMode = (there: boolean | undefined, now: number): void => {
    online = there === true
    beats.setOnline(online, now)
    if (there === undefined) return
    settledAt = Math.min(settledAt, Math.max(now, options.now + SETTLE_MS))
    greetAt = Math.min(greetAt, settledAt)
  }

  const greetings = (now: number): readonly NodeId[] => {
    if (now < greetAt || now < settledAt) return []
    const some = [...greet].slice(0, GREETED_MAX)
    for (const node of some) greet.delete(node)
    greetAt = greet.size > 0 ? now + GREET_MS : Number.POSITIVE_INFINITY
    return some.filter((node) => reached.has(node))
  }

  const factsDiffer = (state: GossipState): boolean => !sameBytes(state.facts, own().facts)

  const hear = (event: MindEvent & { type: 'heard' }, now: number, out: MindAction[]): void => {
    const { how, node, state } = event
    if (book.peer(node) === undefined) return
    const known = book.of(node)
    known.state = state
    known.heardAt = now
    if (how !== 'beacon') beats.heard(now)
    if (how === 'answer') rumour.answered(node)
    if (how === 'hello') out.push({ type: 'answer', node })
    const mine = own()
    const order = compareVersion(state.version, mine.version)
    const gapMs = metered ? FACTS_GAP_METERED_MS : FACTS_GAP_MS
    const waitMs = Math.max(0, known.factsAt + gapMs - now)
    // Who was asked first leaves it to the other, or both would begin at once. An answer to a word that was too large to be
    // said by itself, such as a fact with many pods, is followed as soon as it may; whoever pays by the byte waits to be asked.
    const begins = how !== 'hello' && (waitMs === 0 || (how === 'answer' && !metered))
    const wantsFacts = begins && factsDiffer(state) && !(mine.online && state.online)
    if (order > 0) pulls.want({ node, facts: wantsFacts && waitMs === 0 }, mine.online ? HUB_GRACE_MS : 0, now)
    else if (order === 0 && wantsFacts)
      pulls.want({ node, facts: true }, how === 'beacon' ? random() * BEACON_MS : waitMs, now)
  }

  /** The hub brings facts to whoever hears it; only the others need them from us. */
  const needsFacts = (peer: GossipPeer): boolean => !online || isAlone(book.of(peer.node))

  const spread = ({ about, by }: MindEvent & { type: 'fact' }, now: number, out: MindAction[]): void => {
    if (now < settledAt) {
      if (by === 'self') ownFact = about
      return
    }
    const open = book.peers().filter((peer) => peer.node !== about && peer.node !== by && needsFacts(peer))
    // Nobody is woken for where another one is: whoever wants to know, once woken, hears it or asks. Two that pass one fact to
    // each other at once would besides begin two handshakes at once, and WireGuard then has none for five seconds.
    const awake = open.filter((peer) => peer.awake)
    const to = pick(awake, FANOUT, random).map(({ node }) => node)
    // Whoever looks for this node asks there: worth waking them.
    const relays = by === 'self' ? open.filter((peer) => peer.relay && peer.reachable) : []
    for (const { node } of pick(relays, 2, random)) to.push(node)
    for (const node of new Set(to)) out.push({ type: 'fact', node, about })
  }

  const note = (event: MindEvent, now: number, out: MindAction[]): void => {
    switch (event.type) {
      case 'peers':
        setPeers(event.list, now)
        break
      case 'mode':
        setMode(event.online, now)
        break
      case 'taken':
        rumour.begin(own().version, event.by, event.alone, now)
        break
      case 'fact':
        spread(event, now, out)
        break
      case 'heard':
        hear(event, now, out)
        break
      case 'ended':
        if (event.facts) book.of(event.node).factsAt = now
        pulls.ended(event.node, event.fine, now)
        break
      case 'served':
        book.of(event.node).factsAt = now
        break
      case 'time':
        break
    }
  }

  return {
    handle(event, now) {
      const out: MindAction[] = []
      note(event, now, out)
      if (ownFact !== undefined && now >= settledAt) {
        const about = ownFact
        ownFact = undefined
        spread({ type: 'fact', about, by: 'self' }, now, out)
      }
      const settled = now >= settledAt
      const beat = settled ? beats.due(now, { relay: isRelay() }) : []
      const hello = new Set([...rumour.due(now), ...beat, ...greetings(now)])
      for (const node of hello) {
        book.of(node).toldAt = now
        out.push({ type: 'hello', node })
      }
      const wakes = settled && !online
      for (const { facts, node } of pulls.due(now, own())) out.push({ type: 'exchange', node, facts, wakes })
      return out
    },
    dueAt: () => Math.min(rumour.dueAt(), Math.max(settledAt, beats.dueAt()), pulls.dueAt(), greetAt),
    promised: (node) => book.of(node).state?.version,
    hearsay: (now) => hearsayOf(book.known(), now),
  }
}
