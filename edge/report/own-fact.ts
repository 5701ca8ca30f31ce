// What this node says of itself: where it may be reached, and where it sees its peers come from.
//
// Counted by (boot, seq). The boot counter is kept before the first word; where it was lost with the database, the fact
// that the broker still retains tells what it must exceed.

import { formatEndpoint, isIpv6 } from '../../shared/address/endpoint.ts'
import { isPublic } from '../../shared/address/scope.ts'
import { compareText, toBase64, utf8 } from '../../shared/bytes.ts'
import type { Clock, Sha256, Signer } from '../../shared/effects.ts'
import { type Candidate, type Fact, sealFact } from '../../shared/fact/fact.ts'
import type { PodTable } from '../../shared/fact/pod-table.ts'
import { fairShare } from '../../shared/fair-share.ts'
import type { NodeId } from '../../shared/ids.ts'
import { candidatesMax, factBytesMax, observedMax } from '../../shared/limits.ts'
import { encodeCanonicalText } from '../../shared/record/canonical.ts'
import { leadBy } from '../../shared/record/device-link.ts'
import type { Outside } from '../paths/outlook.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { HeldFact } from '../store/store.ts'
import type { PeerEntry } from './peers.ts'

/** Addresses of physical interfaces with the port WireGuard listens on, and how others see them; public ones first. */
function candidatesOf(
  local: readonly LocalAddress[],
  listenPort: number,
  { mapped, portMapped }: Outside,
): readonly Candidate[] {
  const found: Candidate[] = []
  for (const one of local) {
    if (!one.physical) continue
    found.push({ kind: isPublic(one.address) ? 'public' : 'lan', endpoint: formatEndpoint(one.address, listenPort) })
  }
  if (portMapped !== undefined) found.push({ kind: 'portmap', endpoint: portMapped })
  for (const endpoint of mapped) found.push({ kind: 'mapped', endpoint })
  found.sort((a, b) => compareText(b.kind, a.kind) || compareText(a.endpoint, b.endpoint))
  // A host may have more temporary addresses of IPv6 than a fact has room for, and yet be found by its NAT's mapping alone.
  return fairShare(found, ({ endpoint, kind }) => `${kind} ${isIpv6(endpoint)}`, candidatesMax)
}

/**
 * What stands in front of this node. Nothing does in front of a public address, but that of IPv6 says nothing about the NAT
 * that all of IPv4 has to go through.
 */
function natTypeOf(candidates: readonly Candidate[], seen: Fact['natType']): Fact['natType'] {
  const open = candidates.filter(({ kind }) => kind === 'public')
  if (open.some(({ endpoint }) => !isIpv6(endpoint))) return 'none'
  return seen === 'unknown' && open.length > 0 ? 'none' : seen
}

/** What peers behind NATs want to know: from where they are seen, by a node that no NAT stands in front of. */
function observedPeers(entries: readonly PeerEntry[], countMax: number): Fact['observed'] {
  const seen: Fact['observed'] = []
  for (const { endpoint, member, path } of entries) {
    if (path === 'direct' && endpoint !== undefined) seen.push({ node: member.nodeId, endpoint })
  }
  seen.sort((a, b) => compareText(a.node, b.node))
  return seen.slice(0, countMax)
}

/** One of them with the longest endpoint, and all the rest of a fact. */
const OBSERVED_BYTES = 96
const REST_BYTES = 4 << 10

/** As many as fit beside the pods. */
function observedCount(podTable: PodTable | undefined): number {
  const pods = podTable === undefined ? 0 : utf8(encodeCanonicalText(podTable)).length
  return Math.min(observedMax, Math.max(0, Math.floor((factBytesMax - REST_BYTES - pods) / OBSERVED_BYTES)))
}

/** The fact's own bound. */
const RELAYS_MAX = 16

export interface OwnFactOptions {
  readonly node: NodeId
  readonly signer: Signer
  readonly sha256: Sha256
  readonly clock: Clock
  readonly boot: number
  /** This node's word on its key, where there is need of one. */
  readonly keyStatement?: (() => Uint8Array | undefined) | undefined
  /** Pods behind this node; undefined where it looks at no cluster. */
  readonly pods?: (() => PodTable | undefined) | undefined
  /** Whether this node leaves its services. */
  readonly leaving?: (() => boolean) | undefined
  /** Whether this node leads echoes on, for others to prove it. */
  readonly proves?: (() => boolean) | undefined
  /** What leads to the key of `signer`. */
  readonly links?: (() => readonly Uint8Array[]) | undefined
}

export interface OwnFact {
  boot(): number
  /** What was composed last; undefined where that is outranked, or nothing was yet. */
  current(): HeldFact | undefined
  /** The envelope to announce; the same bytes as before while nothing but time has changed. `reachable`: the node has
   * a public endpoint by intent. */
  compose(
    local: readonly LocalAddress[],
    listenPort: number,
    reachable: boolean,
    entries: readonly PeerEntry[],
    mapping: Outside,
  ): Uint8Array
  /** A fact of this node came back. Returns the boot number to keep if it outranks what we would say. */
  meet(fact: Pick<Fact, 'boot' | 'seq'>): number | undefined
}

export function createOwnFact(options: OwnFactOptions): OwnFact {
  const { clock, node, sha256, signer } = options
  let { boot } = options
  let seq = 0
  let content = ''
  let current: HeldFact | undefined

  return {
    boot: () => boot,
    current: () => current,
    compose(local, listenPort, reachable, entries, mapping) {
      const candidates = candidatesOf(local, listenPort, mapping)
      const natType = natTypeOf(candidates, mapping.natType)
      const podTable = options.pods?.()
      const seen = reachable || natType === 'none' ? observedPeers(entries, observedCount(podTable)) : []
      const relays = mapping.relays.slice(0, RELAYS_MAX)
      const word = options.keyStatement?.()
      const keyStatement = word === undefined ? {} : { keyStatement: toBase64(word) }
      const pods = podTable === undefined ? {} : { podTable }
      const leaves = options.leaving?.() === true ? { leaving: true } : {}
      const proves = options.proves?.() === true ? { proves: true } : {}
      const body = {
        candidates,
        observed: seen,
        relays,
        natType,
        ...keyStatement,
        ...pods,
        ...leaves,
        ...proves,
      } as const
      const links = options.links?.() ?? []
      const text = `${boot} ${signer.publicKey.join()} ${links.length} ${encodeCanonicalText(body)}`
      if (current !== undefined && text === content) return current.envelope
      content = text
      seq += 1
      const fact: Fact = {
        ...body,
        relays: [...relays],
        observed: [...seen],
        candidates: [...candidates],
        node,
        boot,
        seq,
        at: clock.now(),
      }
      current = { envelope: leadBy(links, sealFact(fact, signer, sha256)), fact }
      return current.envelope
    },
    meet(fact) {
      if (fact.boot < boot || (fact.boot === boot && fact.seq <= seq)) return undefined
      boot = fact.boot + 1
      seq = 0
      current = undefined
      return boot
    },
  }
}
