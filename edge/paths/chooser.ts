// Who chooses the endpoints: the path engine where this host shares WireGuard's port with it, else the rotation. Both stand
// behind one book, because nobody knows which it will be before the first rules are in the kernel.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { EndpointBook, EndpointInput } from './endpoint-book.ts'
import type { Outside, RelaySight, StunPlace } from './outlook.ts'
import type { PathCandidate, PathView } from './path.ts'
import type { PathEngine } from './path-engine.ts'

export interface Chooser extends EndpointBook {
  /** Before the first turn. */
  prepare(): Promise<void>
  /** After the first turn: the rules that share the port are in the kernel. */
  start(): Promise<void>
  stop(): Promise<void>
  engine(): 'on' | 'off'
  view(node: NodeId): PathView | undefined
  /** The way to a peer if it answers, or did when somebody last cared. */
  way(node: NodeId): PathCandidate | undefined
  /** A word to the peer wakes nobody. */
  isAwake(node: NodeId): boolean
  /** Somebody waits for the peer, and it answers by no way. */
  isSilent(node: NodeId): boolean
  /** Payload flows, or did lately: a word to the peer prolongs nothing. */
  isWarm(node: NodeId): boolean
  mapping(): Outside
  /** How the relays of the network are reached from here. */
  relaySights(): readonly RelaySight[]
  /** Where relays answer STUN. */
  stunPlaces(): readonly StunPlace[]
  /** What goes out goes by another uplink now. */
  uplinkChanged(): void
  /** This node has another key. */
  tellKey(): void
  /** Addresses this node bears outside, whatever the port. */
  outsideHosts(): readonly string[]
  /** The relay behind an endpoint. */
  viaOf(endpoint: Endpoint): NodeId | undefined
}

const NOTHING_KNOWN: Outside = { natType: 'unknown', mapped: [], relays: [] }

export function createChooser(rotation: EndpointBook, engine: PathEngine | undefined, log: Log): Chooser {
  let current: EndpointBook = rotation
  let on = false
  let undecided = engine !== undefined
  /** Until then: WireGuard's first handshake must not go to where a peer once was, because the second is 5 s away. */
  let waiting: ReadonlyMap<NodeId, Endpoint> = new Map()
  let waits = 0

  const wait = (input: EndpointInput): void => {
    const next = engine?.expect(input.entries) ?? waiting
    if (next.size !== waiting.size) waits += 1
    waiting = next
    // Where nobody notices, it may as well go somewhere.
    if (next.size === 0) current.update(input)
  }

  return {
    get chosen() {
      return waiting.size > 0 ? waiting : current.chosen
    },
    // Until it is known who chooses, nobody is greeted: a handshake costs a session, and three minutes of company for it.
    isQuiet: (node) => (undecided ? true : current.isQuiet(node)),
    // Both only rise, so their sum tells a change of either, and the change from one to the other.
    revision: () => rotation.revision() + (engine?.revision() ?? 0) + waits,
    update: (input) => (undecided ? wait(input) : current.update(input)),
    async prepare() {
      await engine?.prepare()
    },
    async start() {
      if (engine === undefined) return
      try {
        on = await engine.start()
      } catch (error) {
        log.warn('the path engine did not start', { why: describeError(error) })
      }
      undecided = false
      waiting = new Map()
      waits += 1
      if (on) current = engine
      else log.warn('this host can’t share WireGuard’s port: endpoints take turns until one answers')
    },
    stop: async () => await engine?.stop(),
    engine: () => (on ? 'on' : 'off'),
    view: (node) => (on ? engine?.view(node) : undefined),
    way: (node) => (on ? engine?.way(node) : undefined),
    isAwake: (node) => !on || engine?.isAwake(node) === true,
    isSilent: (node) => on && engine?.isSilent(node) === true,
    isWarm: (node) => !on || engine?.isWarm(node) === true,
    viaOf: (endpoint) => (on ? engine?.viaOf(endpoint) : undefined),
    outsideHosts: () => (on ? (engine?.outsideHosts() ?? []) : []),
    relaySights: () => (on ? (engine?.relaySights() ?? []) : []),
    stunPlaces: () => (on ? (engine?.stunPlaces() ?? []) : []),
    uplinkChanged: () => (on ? engine?.uplinkChanged() : undefined),
    tellKey: () => (on ? engine?.tellKey() : undefined),
    mapping: () => (on ? (engine?.mapping() ?? NOTHING_KNOWN) : NOTHING_KNOWN),
  }
}
