// The parts of an agent that know nothing of links and turns, each made from those before it.

import { fromBase64 } from '../shared/bytes.ts'
import type { Clock } from '../shared/effects.ts'
import type { AgentOptions } from './agent.ts'
import { createChores } from './apply/chores.ts'
import { type Chooser, createChooser } from './paths/chooser.ts'
import { createPathEngine } from './paths/engine.ts'
import { createNames } from './paths/names.ts'
import type { Pace } from './paths/path.ts'
import { createRotation } from './paths/rotation.ts'
import { createHealth } from './report/health.ts'
import { createMode } from './report/mode.ts'
import { createPeerBook } from './report/peers.ts'
import { createKeepsakes } from './store/keepsakes.ts'
import { createFactBook } from './trust/fact-book.ts'
import { createHolding, type Holding } from './trust/holding.ts'
import type { Anchors } from './trust/keys.ts'
import { createMembers } from './trust/members.ts'

/** Where the store keeps the endpoints that worked last. */
export const lastGoodKey = 'last-good-endpoints'

function anchorsOf({ identity, sha256, verify }: AgentOptions): Anchors {
  return {
    network: identity.network.id,
    root: fromBase64(identity.anchor.rootKey),
    certificates: identity.keys.map((key) => fromBase64(key)),
    verify,
    sha256,
  }
}

/** Documents carry whole milliseconds after 1970, whatever the machine's clock says. */
function wholeMs(clock: Clock): Clock {
  return {
    now: () => Math.max(0, Math.floor(clock.now())),
    monotonic: () => clock.monotonic(),
    after: (delayMs, run) => clock.after(delayMs, run),
  }
}

interface Sources {
  readonly clock: Clock
  readonly holding: Holding
}

function createPaths(options: AgentOptions, { clock, holding }: Sources, onChange: () => void): Chooser {
  const { entropy, log, paths, wgKey } = options
  const names = createNames(options.resolve, clock, log)
  const pace = (): Pace =>
    paths?.metered === true ? 'frugal' : (holding.inForce()?.parsed.records.network?.spec.failover ?? 'normal')
  const engine =
    paths === undefined ? undefined : createPathEngine({ ...paths, wgKey, names, clock, entropy, log, pace, onChange })
  return createChooser(createRotation(clock, names), engine, log)
}

/** `onPathChange`: the way to a peer changed. */
export function createParts(options: AgentOptions, onPathChange: () => void) {
  const { identity, log, sha256, store, verify } = options
  const clock = wholeMs(options.clock)
  const anchors = anchorsOf(options)
  const health = createHealth({ clock })
  const keep = createKeepsakes(store, clock, health, log)
  const holding = createHolding(anchors, store, log)
  const members = createMembers(holding, identity.nodeId)
  const facts = createFactBook({
    store,
    log,
    sha256,
    verify,
    keyOf: (node) => members.keyOf(node),
    onRefused: (detail) => keep.journal('fact-refused', detail),
  })
  const peers = createPeerBook(clock, (endpoint) => paths.viaOf(endpoint))
  const paths = createPaths(options, { clock, holding }, onPathChange)
  const mode = createMode(store, clock)
  const chores = createChores({ clock, keep, holding, facts, peers, mode, pathsKey: lastGoodKey, store })
  const started = { wall: clock.now(), monotonic: clock.monotonic() }
  return { anchors, chores, clock, facts, health, holding, keep, members, mode, paths, peers, started }
}

export type Parts = ReturnType<typeof createParts>
