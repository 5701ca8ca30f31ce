// What the device should look like, worked out only when something it follows from has changed.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import type { PodWord } from '../../shared/policy/world.ts'
import type { AgentSettings } from '../agent.ts'
import type { OwnExit } from '../exit/own-exit.ts'
import type { OverrideBook } from '../override/book.ts'
import type { EndpointBook } from '../paths/endpoint-book.ts'
import type { PathSizes } from '../paths/path-sizes.ts'
import { desire, type Wish } from '../plan/desire.ts'
import { type Forward, sameEnforcement } from '../plan/enforcement.ts'
import type { LocalAddress } from '../plan/observed.ts'
import { withPathMtu } from '../plan/path-mtu.ts'
import type { OwnRouters } from '../routers/own-routers.ts'
import type { OwnServices } from '../services/own-services.ts'
import type { Running } from '../trust/compose.ts'

export interface Wishes {
  /** `localKey` names the content of `local`. */
  of(held: Running, local: readonly LocalAddress[], localKey: string): Wish
  /** What the last one routes for others. */
  forwards(): readonly Forward[]
}

const NOWHERE: ReadonlyMap<NodeId, Endpoint> = new Map()

/** Endpoints change every few seconds while peers are searched; policy and routes don't follow from them. */
function withEndpoints(wish: Wish, endpoints: EndpointBook): Wish {
  const peers = wish.desired.peers.map((peer) => {
    const endpoint = endpoints.chosen.get(peer.node)
    const keepaliveS = endpoints.isQuiet(peer.node) ? 0 : peer.keepaliveS
    if (endpoint === undefined && keepaliveS === peer.keepaliveS) return peer
    return { ...peer, keepaliveS, ...(endpoint === undefined ? {} : { endpoint }) }
  })
  return { ...wish, desired: { ...wish.desired, peers } }
}

function withSizes(wish: Wish, sizes: Pick<PathSizes, 'held'> | undefined, local: readonly LocalAddress[]): Wish {
  if (sizes === undefined || sizes.held.size === 0) return wish
  return { ...wish, desired: withPathMtu(wish.desired, sizes.held, local) }
}

/** Where policy means the same as before it is the same object: the planner looks at it every few seconds. */
function withSamePolicy(wish: Wish, before: Wish | undefined): Wish {
  const policy = before?.desired.policy
  if (policy === undefined || !sameEnforcement(policy, wish.desired.policy)) return wish
  return { ...wish, desired: { ...wish.desired, policy } }
}

type Told = Pick<OwnServices, 'omitted' | 'ruleset' | 'unpublished'>

/** They follow from what backends answer as well, and change without anything else. A device that is no member has none. */
function withServices(wish: Wish, base: Wish, held: Running, own: Told, local: readonly LocalAddress[]): Wish {
  const services = base.omissions.some(({ code }) => code === 'not-a-member') ? '' : own.ruleset(held, local)
  const omissions = [
    ...base.omissions,
    ...own.omitted().map((detail) => ({ code: 'intent-unsupported', detail }) as const),
    ...own.unpublished().map((detail) => ({ code: 'not-published', detail }) as const),
  ]
  const isSame =
    omissions.length === wish.omissions.length &&
    omissions.every((one, at) => one.code === wish.omissions[at]?.code && one.detail === wish.omissions[at]?.detail)
  if (isSame && wish.desired.services === services) return wish
  return { ...wish, desired: { ...wish.desired, services }, omissions: isSame ? wish.omissions : omissions }
}

/** The own key now, and what peers were known by before. */
export interface WishKeys {
  wgKey(): WgKey
  readonly formerKeys?: ReadonlyMap<NodeId, WgKey>
}

/** What nodes say of the pods behind them, this one among them. */
export interface WishPods {
  /** This node reads those behind it. */
  readonly here: boolean
  of(node: NodeId): PodWord | undefined
  /** Rises when `of` says something else. */
  revision(): number
}

export function createWishes(
  self: NodeId,
  keys: WishKeys,
  settings: AgentSettings,
  endpoints: EndpointBook,
  sizes?: Pick<PathSizes, 'held' | 'revision'>,
  overrides?: Pick<OverrideBook, 'overlays' | 'revision'>,
  pods?: WishPods,
  services?: Told,
  routers?: Pick<OwnRouters, 'choose' | 'follow'>,
  exit?: Pick<OwnExit, 'follow' | 'wish'>,
): Wishes {
  let heldBefore: Running | undefined
  let localBefore = ''
  let overridesBefore = 0
  let podsBefore = 0
  let base: Wish | undefined
  let endpointsBefore = -1
  let sizesBefore = -1
  let whole: Wish | undefined

  return {
    of(held, local, localKey) {
      const overridesNow = overrides?.revision() ?? 0
      const podsNow = pods?.revision() ?? 0
      const followed = [routers?.follow(held), exit?.follow(held)]
      const isSame =
        !followed.includes(true) &&
        held === heldBefore &&
        localKey === localBefore &&
        overridesNow === overridesBefore &&
        podsNow === podsBefore
      if (base === undefined || !isSame) {
        const { controlPort, interface: name, listenPort, meshPort, outsideTable } = settings
        const next = desire({
          records: held.parsed.records,
          overlays: overrides?.overlays() ?? [],
          ...(base === undefined ? {} : { compiled: base.compiled }),
          ...(pods === undefined ? {} : { podsOf: (node) => pods.of(node), hasPods: pods.here }),
          self,
          wgKey: keys.wgKey(),
          ...(keys.formerKeys === undefined ? {} : { formerKeys: keys.formerKeys }),
          interface: name,
          outsideTable,
          listenPort,
          meshPort,
          ...(routers === undefined ? {} : { chooseRouter: routers.choose }),
          ...(exit === undefined ? {} : { exit: exit.wish() }),
          controlPort,
          endpoints: NOWHERE,
          local,
        })
        base = withSamePolicy(next, base)
        heldBefore = held
        localBefore = localKey
        overridesBefore = overridesNow
        podsBefore = podsNow
        whole = undefined
      }
      const sizesNow = sizes?.revision() ?? 0
      if (whole === undefined || endpoints.revision() !== endpointsBefore || sizesNow !== sizesBefore) {
        sizesBefore = sizesNow
        whole = withSizes(withEndpoints(base, endpoints), sizes, local)
        endpointsBefore = endpoints.revision()
      }
      if (services !== undefined) whole = withServices(whole, base, held, services, local)
      return whole
    },
    forwards: () => base?.desired.policy.forwards ?? [],
  }
}
