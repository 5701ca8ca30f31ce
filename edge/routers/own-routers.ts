// The routers that this device uses, block by block, chosen anew whenever the way to one of them is another, or one does not
// forward any more. With the hub gone as well as with it: nothing is asked but the own paths, and machines behind the routers.

import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { drainLabel } from '../../shared/intent/service.ts'
import type { Chooser } from '../paths/chooser.ts'
import { exitOf } from '../plan/exit.ts'
import { type ChooseRouter, type Router, type RouterGroup, routerGroups } from '../plan/routes.ts'
import type { Health } from '../report/health.ts'
import type { PeerBook } from '../report/peers.ts'
import type { Running } from '../trust/compose.ts'
import type { FactBook } from '../trust/fact-book.ts'
import { chooseRouter, type RouterSight } from './choice.ts'
import type { ProofState, Proofs } from './proofs.ts'
import { createStandings } from './standing.ts'

/** How a router stands, seen from here. */
export type RouterState = 'used' | 'ready' | 'gone'

export interface RouterView {
  readonly name: Name
  readonly state: RouterState
  /** Where the route names a machine to be asked: whether that answered through it. */
  readonly proof?: ProofState
  /** Seconds that it is that. */
  readonly proofS?: number
  /** It says that it is about to leave. */
  readonly leaves?: true
}

/** A block that several nodes lead to, or that it is asked for, or the internet by an exit, for people. */
export interface RouterStatus {
  readonly destination: Cidr
  readonly route: Name
  /** The machine that is asked. */
  readonly probe?: Address
  readonly routers: readonly RouterView[]
}

export interface OwnRouters {
  /** Chooses for what is followed now; true where a choice is another. */
  follow(held: Running): boolean
  readonly choose: ChooseRouter
  /** How a node stands that leads somewhere. */
  standingOf(node: NodeId): RouterSight['standing']
  status(): readonly RouterStatus[]
  close(): void
}

interface OwnRoutersOptions {
  readonly self: NodeId
  readonly clock: Clock
  readonly peers: Pick<PeerBook, 'of'>
  readonly paths: Pick<Chooser, 'engine' | 'isAwake' | 'isSilent' | 'view'>
  readonly facts: Pick<FactBook, 'facts'>
  readonly proofs: Proofs
  readonly health: Pick<Health, 'raise' | 'clear'>
  readonly metered: boolean
}

/** A machine that is asked may be restarted; a router that is not used any more has been left long before. */
const UNPROVEN_AFTER_MS = 5_000

const NOTHING: RouterSight = { standing: 'gone' }

/** What is said of a group that nobody proves to lead to. */
function unprovenText({ probe, route, routers }: RouterGroup, used: Name | undefined): string {
  const all = routers.map(({ name }) => name).join(', ')
  return `Route/${route}: ${probe} answers through ${routers.length > 1 ? 'none of ' : 'no echo by '}${all}; ${used ?? 'nobody'} is used all the same`
}

export function createOwnRouters(options: OwnRoutersOptions): OwnRouters {
  const { clock, facts, health, metered, paths, peers, proofs, self } = options
  const standings = createStandings(options)
  const chosen = new Map<Cidr, NodeId>()
  let groups: readonly RouterGroup[] = []
  let groupsOf: Running | undefined
  let drained: ReadonlySet<NodeId> = new Set()
  /** Those that forwarded when they were asked last, or have not been asked since. */
  const forwarded = new Set<Router>()

  const leaves = (node: NodeId): boolean => drained.has(node) || facts.facts.get(node)?.fact.leaving === true

  const proofOf = (router: Router): RouterSight['proof'] => {
    const proof = proofs.of(router)
    if (proof === undefined || proof === 'unable') return undefined
    // Asked, and nothing yet: no better than one that answered nothing three times.
    if (proof.state === 'unasked') return proof.misses > 0 ? 'failing' : undefined
    return proof.state
  }

  /** Of one that would take over: an echo that it owes may be the first of many, as where the machine behind both is off. */
  const proofNow = (router: Router): RouterSight['proof'] => {
    const [proof, known] = [proofs.of(router), proofOf(router)]
    return known === 'proven' && typeof proof === 'object' && proof.misses > 0 ? 'failing' : known
  }

  const sightOf = (router: Router, isUsed: boolean): RouterSight => {
    const path = peers.of(router.node)?.path
    const rttMs = paths.view(router.node)?.candidates.find(({ inUse }) => inUse)?.rttMs
    const standing = standings.of(router.node)
    const proof = isUsed ? proofOf(router) : proofNow(router)
    const isHeld = proof === 'proven' && standing === 'there' && standings.isHeld(router.node)
    return {
      standing: isHeld ? 'held' : standing,
      path: path === 'none' ? undefined : path,
      rttMs,
      proof,
      leaves: leaves(router.node),
    }
  }

  const usedOf = ({ block, routers }: RouterGroup): NodeId | undefined => chosen.get(block) ?? routers[0]?.node

  const viewOf = (group: RouterGroup, router: Router): RouterView => {
    const { name, node } = router
    const proof = proofs.of(router)
    const state = usedOf(group) === node ? 'used' : standings.of(node) === 'gone' ? 'gone' : 'ready'
    const said = proof === undefined ? {} : proof === 'unable' ? { proof } : { proof: proof.state }
    const isKnown = proof !== undefined && proof !== 'unable' && proof.state !== 'unasked'
    return {
      name,
      state,
      ...said,
      ...(isKnown ? { proofS: Math.floor((clock.monotonic() - proof.sinceMs) / 1_000) } : {}),
      ...(leaves(node) ? { leaves: true } : {}),
    }
  }

  /** One that never did may need longer for its first answer than one that fails: its tunnel has to come up. */
  const noteFailing = (): void => {
    for (const router of groups.flatMap(({ routers }) => routers)) {
      const proof = proofOf(router)
      if (proof === 'proven') forwarded.add(router)
      else if (proof === 'failing' && forwarded.delete(router)) standings.noteFailing(router.node)
    }
  }

  const tell = (): void => {
    const dark = groups.filter((group) => {
      const used = group.routers.find(({ node }) => node === usedOf(group))
      return used !== undefined && proofOf(used) === 'failing'
    })
    const nameOf = (group: RouterGroup): Name | undefined =>
      group.routers.find(({ node }) => node === usedOf(group))?.name
    if (dark.length === 0) health.clear('route-unproven')
    else {
      const detail = dark.map((group) => unprovenText(group, nameOf(group))).join('; ')
      health.raise('route-unproven', detail, { afterMs: UNPROVEN_AFTER_MS })
    }
  }

  const adopt = (held: Running): void => {
    const { records } = held.parsed
    groups = [...routerGroups(records, self), ...(exitOf(records, self)?.groups ?? [])]
    groupsOf = held
    drained = new Set(records.nodes.flatMap(({ labels, nodeId }) => (labels[drainLabel] === 'true' ? nodeId : [])))
    const blocks = new Set(groups.map(({ block }) => block))
    for (const block of chosen.keys()) if (!blocks.has(block)) chosen.delete(block)
    standings.forgetAllBut(new Set(groups.flatMap(({ routers }) => routers.map(({ node }) => node))))
    forwarded.clear()
  }

  return {
    follow(held) {
      if (held !== groupsOf) adopt(held)
      if (groups.length === 0) return false
      let changed = false
      noteFailing()
      for (const group of groups) {
        const { block, isPlain, routers } = group
        if (routers.length < 2) continue
        const used = usedOf(group)
        const sights = new Map(routers.map((router) => [router, sightOf(router, router.node === used)]))
        const next = chooseRouter(routers, (router) => sights.get(router) ?? NOTHING, chosen.get(block), isPlain)
        if (next === undefined || next.node === chosen.get(block)) continue
        changed ||= chosen.has(block) || next.node !== routers[0]?.node
        chosen.set(block, next.node)
      }
      const { network, nodes } = held.parsed.records
      const isFrugal = metered || network?.spec.failover === 'frugal' || paths.engine() === 'off'
      proofs.follow(groups, usedOf, { isFrugal, members: nodes.length })
      tell()
      return changed
    },
    standingOf: (node) => standings.of(node),
    choose: (block, routers) => routers.find(({ node }) => node === chosen.get(block)) ?? routers[0],
    status: () =>
      groups
        .filter(({ block, probe, routers }) => routers.length > 1 || probe !== undefined || block.endsWith('/0'))
        .map((group) => ({
          destination: group.block,
          route: group.route,
          ...(group.probe === undefined ? {} : { probe: group.probe }),
          routers: group.routers.map((router) => viewOf(group, router)),
        })),
    close: () => proofs.close(),
  }
}
