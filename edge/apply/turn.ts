// One turn: look at the kernel, work out what is missing, do it, say what was reached. Nothing is assumed from before.

import type { Address } from '../../shared/address/cidr.ts'
import { isLoopback } from '../../shared/address/endpoint.ts'
import { meshBlocks } from '../../shared/address/mesh-blocks.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import type { WgKey } from '../../shared/ids.ts'
import { compareVersion, formatVersion, noVersion, type Version } from '../../shared/record/head.ts'
import type { Driver, Failure } from '../drivers/driver.ts'
import type { NearBook } from '../lan/near-book.ts'
import type { EndpointBook } from '../paths/endpoint-book.ts'
import type { Omission } from '../plan/desired.ts'
import type { LocalAddress, Observed } from '../plan/observed.ts'
import type { Op, OpOf } from '../plan/op.ts'
import { plan } from '../plan/plan.ts'
import type { Health } from '../report/health.ts'
import { tellUnreachable } from '../report/peer-health.ts'
import type { PeerBook } from '../report/peers.ts'
import type { OwnServices } from '../services/own-services.ts'
import type { Held } from '../trust/accept.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Holding } from '../trust/holding.ts'
import { tellOmissions } from './omissions.ts'
import type { Wishes } from './wish.ts'

export interface TurnOptions {
  readonly driver: Driver
  readonly holding: Pick<Holding, 'held' | 'inForce'>
  readonly peers: PeerBook
  readonly facts: Pick<FactBook, 'facts' | 'revision'>
  readonly endpoints: EndpointBook
  /** Who is on this LAN; absent where nobody listens. */
  readonly lan: Pick<NearBook, 'near' | 'revision'> | undefined
  /** Told of what the kernel saw being asked for. */
  readonly services?: Pick<OwnServices, 'observe'>
  readonly wishes: Wishes
  readonly health: Health
  readonly log: Log
  /** Rises when members are known by other keys. */
  readonly keysRevision?: () => number
  /** A peer has passed over to another key: one packet to it, and WireGuard shakes hands. */
  readonly nudge?: ((address: Address) => void) | undefined
  /** Operations were executed: the kernel is worth another look. */
  readonly onChanged: () => void
}

export interface Turns {
  /** False where something failed that the next try may mend. Never throws. */
  turn(): Promise<boolean>
  /** What a turn would do now; does nothing. */
  plan(): Promise<readonly Op[]>
  /** The newest version that the kernel was brought to, wholly. */
  applied(): Version
  /** WireGuard's own key by the last turn that was fine. */
  wgKey(): WgKey | undefined
  /** The last turn brought it to what is followed now. */
  isProgrammed(): boolean
  /** What is followed now, where no turn for it has ended yet. */
  due(): Version | undefined
  local(): { readonly addresses: readonly LocalAddress[]; readonly key: string }
}

function localKeyOf(local: readonly LocalAddress[]): string {
  return local.map((one) => `${one.interface} ${one.address} ${one.cidr} ${one.physical}`).join('\n')
}

function tellUnreadable(health: Health, held: Held | undefined): void {
  if (held === undefined || held.parsed !== undefined) health.clear('intent-unreadable')
  else health.raise('intent-unreadable', `revision ${formatVersion(held.version)}, ${held.unreadable}`)
}

function tellFailures(health: Health, failed: readonly Failure[]): void {
  const unsupported = failed.find(({ error }) => isHoldfastError(error, 'unsupported'))
  if (unsupported === undefined) health.clear('no-wireguard')
  else health.raise('no-wireguard', describeError(unsupported.error))
  const first = failed.find((failure) => failure !== unsupported)
  if (first === undefined) health.clear('apply-failed')
  else {
    const others = failed.length > 1 ? ` (and ${failed.length - 1} more operations)` : ''
    health.raise('apply-failed', `${first.op.op}: ${describeError(first.error)}${others}`)
  }
}

/** Turning to the next candidate of a peer that is searched needs no second look. */
function onlyEndpoints(ops: readonly Op[]): boolean {
  return ops.every((op) => op.op === 'peer-set' && op.allowedIps === undefined && op.keepaliveS === undefined)
}

/** What a turn does, and the key that WireGuard has then. */
interface Steps {
  readonly ops: readonly Op[]
  readonly wgKey: WgKey | undefined
}

export function createTurns(options: TurnOptions): Turns {
  const { driver, endpoints, facts, health, holding, lan, log, peers, wishes } = options
  let applied: Version = noVersion
  /** What the last turn was for, whatever became of it. */
  let tried: Version = noVersion
  let fine = false
  let keyInUse: WgKey | undefined
  let local: readonly LocalAddress[] = []
  let localKey = ''
  let tellOf = -1
  let toldWish: readonly Omission[] | undefined
  let toldNear = 0

  const followed = (): Version => holding.inForce()?.version ?? noVersion

  const look = (observed: Observed): void => {
    local = observed.local
    localKey = localKeyOf(local)
    peers.observe(observed)
    options.services?.observe(observed)
    // Both only rise, so their sum tells a change of either.
    const revision = peers.revision() + endpoints.revision()
    if (revision === tellOf && !health.has('peer-unreachable')) return
    tellOf = revision
    tellUnreachable(health, peers, endpoints)
  }

  const search = (): void => {
    const held = holding.inForce()
    const spec = held?.parsed.records.network?.spec
    const mesh = spec === undefined ? [] : meshBlocks(spec)
    const { epoch, revision } = held?.version ?? noVersion
    const near = lan === undefined ? {} : { near: lan.near }
    const known = `${facts.revision()} ${lan?.revision() ?? 0} ${options.keysRevision?.() ?? 0}`
    const key = `${epoch}.${revision} ${known} ${localKey}`
    endpoints.update({ entries: peers.entries, facts: facts.facts, ...near, local, mesh, key })
  }

  const stepsFor = (observed: Observed): Steps => {
    const held = holding.inForce()
    if (held === undefined) return { ops: [], wgKey: undefined }
    const attached = observed.inside ?? observed.local
    const { desired, omissions } = wishes.of(held, attached, localKeyOf(attached))
    const nearNow = lan?.revision() ?? 0
    if (omissions !== toldWish || nearNow !== toldNear) {
      tellOmissions(health, omissions, lan?.near)
      toldWish = omissions
      toldNear = nearNow
    }
    return { ops: plan(desired, observed), wgKey: desired.wgKey }
  }

  /** A peer that passed over. With a keepalive WireGuard shakes hands by itself; one that rests is left to rest. */
  const greet = ({ allowedIps, endpoint, keepaliveS, wgKey }: OpOf<'peer-set'>): void => {
    if (allowedIps === undefined || endpoint === undefined || isLoopback(endpoint) || (keepaliveS ?? 0) > 0) return
    const member = peers.entries.find((entry) => entry.member.wgKey === wgKey)?.member
    const [address] = member !== undefined && peers.formerKeys.has(member.nodeId) ? member.addresses : []
    if (address !== undefined) options.nudge?.(address)
  }

  const execute = async ({ ops, wgKey }: Steps, version: Version): Promise<boolean> => {
    const { failed } = ops.length === 0 ? { failed: [] } : await driver.apply(ops)
    tried = version
    tellFailures(health, failed)
    fine = failed.length === 0
    for (const { op, error } of failed) log.warn('the kernel refused', { op: op.op, reason: describeError(error) })
    if (failed.length > 0) return false
    applied = version
    keyInUse = wgKey
    if (peers.formerKeys.size > 0) for (const op of ops) if (op.op === 'peer-set') greet(op)
    if (ops.length > 0) log.debug('kernel programmed', { ops: ops.length, revision: version.revision })
    if (!onlyEndpoints(ops)) options.onChanged()
    return true
  }

  return {
    async turn() {
      try {
        const observed = await driver.read()
        look(observed)
        // What comes in while operations run is for the next turn.
        const version = followed()
        tellUnreadable(health, holding.held())
        search()
        return await execute(stepsFor(observed), version)
      } catch (error) {
        fine = false
        tried = followed()
        log.error('the kernel cannot be read', { reason: describeError(error) })
        const code = isHoldfastError(error, 'unsupported') ? 'no-wireguard' : 'apply-failed'
        health.raise(code, `the kernel cannot be read: ${describeError(error)}`)
        return false
      }
    },
    plan: async () => stepsFor(await driver.read()).ops,
    applied: () => applied,
    wgKey: () => keyInUse,
    isProgrammed: () => fine && compareVersion(applied, followed()) === 0,
    due: () => (compareVersion(tried, followed()) === 0 ? undefined : followed()),
    local: () => ({ addresses: local, key: localKey }),
  }
}
