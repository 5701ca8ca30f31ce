// A mind with a clock of its own, whose words are noted.

import * as assert from 'uvu/assert'
import { seededEntropy } from '../../shared/effects.fake.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { GossipState } from '../../shared/wire/gossip-state.ts'
import type { GossipPeer } from './acquaintance.ts'
import { createMind, type MindAction, type MindEvent } from './mind.ts'

export function stateAt(revision: number, { facts = 0, online = false } = {}): GossipState {
  const version = { epoch: 1, revision }
  return { version, root: new Uint8Array(16), facts: new Uint8Array(16).fill(facts), online }
}

export function peerOf(node: NodeId, more: Partial<GossipPeer> = {}): GossipPeer {
  return { node, reachable: true, awake: true, near: false, relay: false, ...more }
}

export interface MindStart {
  readonly metered?: boolean
  readonly seed?: number
  readonly isRelay?: boolean
  readonly hub?: 'there' | 'away' | 'unknown'
}

export function rig(
  list: readonly GossipPeer[],
  { metered = false, seed = 1, isRelay = false, hub = 'away' }: MindStart = {},
) {
  let own = stateAt(1)
  let now = 0
  const entropy = seededEntropy(seed)
  const options = { metered, random: () => entropy.fraction(), own: () => own, isRelay: () => isRelay, now }
  const mind = createMind(options)
  const said: (MindAction & { readonly at: number })[] = []
  const tell = (event: MindEvent): readonly MindAction[] => {
    const actions = mind.handle(event, now)
    said.push(...actions.map((action) => ({ ...action, at: now })))
    return actions
  }
  tell({ type: 'peers', list })
  tell({ type: 'mode', online: hub === 'unknown' ? undefined : hub === 'there' })
  return {
    mind,
    said,
    tell,
    now: () => now,
    hold(state: GossipState, alone = true, by?: NodeId) {
      own = state
      return tell({ type: 'taken', alone, by })
    },
    set(state: GossipState) {
      own = state
    },
    online(there: boolean) {
      own = { ...own, online: there }
      tell({ type: 'mode', online: there })
    },
    /** Lets time pass; bounded, so that a mind that never rests is found. */
    pass(ms: number) {
      const end = now + ms
      for (let i = 0; i < 20_000; i++) {
        const due = mind.dueAt()
        if (due > end) break
        now = Math.max(now, due)
        tell({ type: 'time' })
      }
      assert.ok(mind.dueAt() > end, 'the mind comes to rest')
      now = end
    },
    helloTo: (): readonly NodeId[] => said.filter(({ type }) => type === 'hello').map(({ node }) => node),
    clear: () => void said.splice(0),
  }
}
