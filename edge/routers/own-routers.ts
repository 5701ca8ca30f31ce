// The routers that this device uses, block by block, chosen anew whenever the way to one of them is another. With the hub gone
// as well as with it: nothing is asked but the own paths.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { Chooser } from '../paths/chooser.ts'
import { type ChooseRouter, type RouterGroup, routerGroups } from '../plan/routes.ts'
import type { PeerBook } from '../report/peers.ts'
import type { Running } from '../trust/compose.ts'
import { chooseRouter, type RouterSight } from './choice.ts'

/** How a router stands, seen from here. */
export type RouterState = 'used' | 'ready' | 'gone'

/** A block that several nodes lead to, or one, for people. */
export interface RouterStatus {
  readonly destination: Cidr
  readonly routers: readonly { readonly name: string; readonly state: RouterState }[]
}

export interface OwnRouters {
  /** Chooses for what is followed now; true where a choice is another. */
  follow(held: Running): boolean
  readonly choose: ChooseRouter
  status(): readonly RouterStatus[]
}

interface OwnRoutersOptions {
  readonly self: NodeId
  readonly clock: Clock
  readonly peers: Pick<PeerBook, 'of'>
  readonly paths: Pick<Chooser, 'isAwake' | 'isSilent' | 'view'>
}

/** A router that failed is not used again so soon, and later each time it does: as paths are. */
const [HOLD_MS_MIN, HOLD_MS_MAX] = [30_000, 600_000]
/** More than any way takes to be found. */
const FOUND_MS = 5_000
/** Who is sent something and has nothing to say says so after 10 s (KEEPALIVE_TIMEOUT of WireGuard); then a handshake is due. */
const ANSWERED_MS = 15_000
/** Less is WireGuard's own. */
const PAYLOAD_BYTES = 400

interface Failed {
  readonly at: number
  readonly holdMs: number
  /** When something of it had come last, before it fell silent. */
  readonly heardAt: number
}

/** What it was sent since it was last heard. */
interface Sent {
  readonly heardAt: number
  readonly txBytes: number
  /** Since when that is payload. */
  sentAt: number | undefined
}

export function createOwnRouters({ clock, paths, peers, self }: OwnRoutersOptions): OwnRouters {
  const failures = new Map<NodeId, Failed>()
  const soughtSince = new Map<NodeId, number>()
  const sent = new Map<NodeId, Sent>()
  const chosen = new Map<Cidr, NodeId>()
  let groups: readonly RouterGroup[] = []
  let groupsOf: Running | undefined

  const noteSilence = (node: NodeId): void => {
    const now = clock.monotonic()
    const heardAt = peers.of(node)?.heardAt ?? Number.NEGATIVE_INFINITY
    const before = failures.get(node)
    if (before === undefined) failures.set(node, { at: now, holdMs: HOLD_MS_MIN, heardAt })
    else if (heardAt <= before.heardAt) return
    else if (now - before.at < before.holdMs) failures.set(node, { ...before, heardAt })
    else failures.set(node, { at: now, holdMs: Math.min(HOLD_MS_MAX, 2 * before.holdMs), heardAt })
  }

  /** Somebody waits for a way to it for longer than one takes to be found. */
  const isSought = (node: NodeId): boolean => {
    if (peers.of(node)?.path !== 'none' || !paths.isAwake(node)) {
      soughtSince.delete(node)
      return false
    }
    const since = soughtSince.get(node) ?? clock.monotonic()
    soughtSince.set(node, since)
    return clock.monotonic() - since >= FOUND_MS
  }

  /** A way answered before a handshake, and nothing since, whatever it is sent: a host that died in its first second. */
  const isMute = (node: NodeId): boolean => {
    const { heardAt = 0, txBytes = 0 } = peers.of(node) ?? {}
    const before = sent.get(node)
    if (before?.heardAt !== heardAt || txBytes < before.txBytes) {
      sent.set(node, { heardAt, txBytes, sentAt: undefined })
      return false
    }
    if (txBytes - before.txBytes >= PAYLOAD_BYTES) before.sentAt ??= clock.monotonic()
    return before.sentAt !== undefined && clock.monotonic() - before.sentAt >= ANSWERED_MS
  }

  const isSilent = (node: NodeId): boolean => {
    const [sought, mute] = [isSought(node), isMute(node)]
    return sought || mute || paths.isSilent(node)
  }

  const standingOf = (node: NodeId): RouterSight['standing'] => {
    if (isSilent(node)) noteSilence(node)
    const failed = failures.get(node)
    if (failed === undefined) return 'there'
    const forMs = clock.monotonic() - failed.at
    if ((peers.of(node)?.heardAt ?? 0) <= failed.heardAt) return 'gone'
    // What held for as long again as it was held down for has failed for the first time when it fails again.
    if (forMs >= 2 * failed.holdMs) failures.delete(node)
    return forMs >= failed.holdMs ? 'there' : 'held'
  }

  const sightOf = (node: NodeId): RouterSight => {
    const path = peers.of(node)?.path
    const rttMs = paths.view(node)?.candidates.find(({ inUse }) => inUse)?.rttMs
    return { standing: standingOf(node), path: path === 'none' ? undefined : path, rttMs }
  }

  const stateOf = (block: Cidr, node: NodeId): RouterState => {
    if (chosen.get(block) === node) return 'used'
    return standingOf(node) === 'gone' ? 'gone' : 'ready'
  }

  const forgetAllBut = (nodes: ReadonlySet<NodeId>): void => {
    for (const known of [failures, soughtSince, sent]) {
      for (const node of known.keys()) if (!nodes.has(node)) known.delete(node)
    }
  }

  return {
    follow(held) {
      if (held !== groupsOf) {
        groups = routerGroups(held.parsed.records, self)
        groupsOf = held
        const blocks = new Set(groups.map(({ block }) => block))
        for (const block of chosen.keys()) if (!blocks.has(block)) chosen.delete(block)
        forgetAllBut(new Set(groups.flatMap(({ routers }) => routers.map(({ node }) => node))))
      }
      let changed = false
      const sights = new Map<NodeId, RouterSight>()
      const sight = (node: NodeId): RouterSight => {
        const known = sights.get(node) ?? sightOf(node)
        sights.set(node, known)
        return known
      }
      for (const { block, routers } of groups) {
        if (routers.length < 2) continue
        const next = chooseRouter(routers, sight, chosen.get(block))
        if (next === undefined || next.node === chosen.get(block)) continue
        changed ||= chosen.has(block) || next.node !== routers[0]?.node
        chosen.set(block, next.node)
      }
      return changed
    },
    choose: (block, routers) => routers.find(({ node }) => node === chosen.get(block)) ?? routers[0],
    status: () =>
      groups
        .filter(({ routers }) => routers.length > 1)
        .map(({ block, routers }) => ({
          destination: block,
          routers: routers.map(({ name, node }) => ({ name, state: stateOf(block, node) })),
        })),
  }
}
