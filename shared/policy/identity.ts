// Identities: all addresses that policy can't tell apart are one. An identity is what an endpoint is by labels, names and
// ports as far as policies speak of them, and the innermost of the address blocks in policies that it lies in.

import { type Address, blockOf, type Cidr, compareBlock, hostCidr } from '../address/cidr.ts'
import { bitsOf } from '../address/ip.ts'
import type { PolicyPeer } from '../intent/policy.ts'
import type { Endpoint, World } from './world.ts'

export interface Identity {
  readonly key: string
  /** Unique among the identities of a compiler, small. */
  readonly index: number
  /** One of the endpoints that it stands for; absent for addresses of nobody. */
  readonly endpoint: Endpoint | undefined
  /** Of a node that a policy calls by its name. */
  readonly node: string | undefined
  /** Blocks of policies around it. */
  readonly blocks: ReadonlySet<Cidr>
}

type Policy = World['policies'][number]

/** What one policy tells apart besides labels. */
export interface Mentions {
  readonly blocks: readonly Cidr[]
  readonly names: readonly string[]
}

export function peersOf({ spec }: Policy): readonly PolicyPeer[] {
  return [...(spec.ingress ?? []).flatMap(({ from }) => from), ...(spec.egress ?? []).flatMap(({ to }) => to)]
}

export function mentionsOf(policy: Policy): Mentions {
  const peers = peersOf(policy)
  const names = [policy.spec.subject.node, ...peers.map(({ node }) => node)]
  return {
    blocks: peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock.cidr, ...ipBlock.except])),
    names: names.filter((name) => name !== undefined),
  }
}

function sortedText(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const texts = new WeakMap<Endpoint, string>()

/** All of an endpoint that a selector or a named port can see. */
function labelText(endpoint: Endpoint): string {
  const held = texts.get(endpoint)
  if (held !== undefined) return held
  const { kind, labels, name, namespace, ports, serves = [] } = endpoint
  const named = ports.map((port) => `${port.name}=${port.protocol}/${port.port}`).sort()
  const text =
    kind === 'service'
      ? `service ${name}`
      : `${kind} ${sortedText(labels)}${namespace === undefined ? '' : sortedText(namespace)}${named.join()}${serves.length === 0 ? '' : ` serves ${serves.join()}`}`
  texts.set(endpoint, text)
  return text
}

/** What an endpoint is in the eyes of policies: those of one class are judged, and judge, alike. */
export function classOf(endpoint: Endpoint, named: ReadonlySet<string>): string {
  const text = labelText(endpoint)
  return endpoint.kind === 'node' && named.has(endpoint.name) ? `${text} ${endpoint.name}` : text
}

interface Nested {
  readonly cidr: Cidr
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
  readonly around: Nested | undefined
}

/** Blocks in order, each with the narrowest one around it. */
function nest(blocks: readonly Cidr[]): readonly Nested[] {
  const sorted = [...new Set(blocks)].map((cidr) => ({ cidr, block: blockOf(cidr) }))
  sorted.sort((a, b) => compareBlock(a.block, b.block))
  const nested: Nested[] = []
  let around: Nested | undefined
  for (const { block, cidr } of sorted) {
    const { family, length, value } = block
    while (around !== undefined && (around.family !== family || around.last < value)) around = around.around
    around = { cidr, family, first: value, last: value + (1n << BigInt(bitsOf(family) - length)) - 1n, around }
    nested.push(around)
  }
  return nested
}

interface Host {
  readonly cidr: Cidr
  readonly family: 4 | 6
  readonly value: bigint
}

const hosts = new WeakMap<readonly Address[], readonly Host[]>()

function hostsOf({ addresses }: Endpoint): readonly Host[] {
  const held = hosts.get(addresses)
  if (held !== undefined) return held
  const made = addresses.map(hostCidr).map((cidr) => ({ cidr, ...blockOf(cidr) }))
  hosts.set(addresses, made)
  return made
}

/** The narrowest of `nested` around one address. */
function innermost(nested: readonly Nested[], { family, value }: Host): Nested | undefined {
  let low = 0
  let high = nested.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const one = nested[middle]
    if (one !== undefined && (one.family < family || (one.family === family && one.first <= value))) low = middle + 1
    else high = middle
  }
  let found = nested[low - 1]
  while (found !== undefined && (found.family !== family || found.last < value)) found = found.around
  return found
}

function chain(block: Nested | undefined): ReadonlySet<Cidr> {
  const blocks = new Set<Cidr>()
  for (let one = block; one !== undefined; one = one.around) blocks.add(one.cidr)
  return blocks
}

function isChain(blocks: ReadonlySet<Cidr>, innermostOne: Nested | undefined): boolean {
  let length = 0
  for (let one = innermostOne; one !== undefined; one = one.around, length++) if (!blocks.has(one.cidr)) return false
  return length === blocks.size
}

/** Identities that one peer of rules is, or includes. Most peers stand in many rules, and are looked at once for all of them. */
export interface PeerSet {
  readonly peer: PolicyPeer
  /** By index of the identity. */
  readonly members: boolean[]
}

/** Identities of one compiler, kept from one world to the next so that what was worked out about them counts on. */
export interface Registry {
  /** By class and by the innermost block: long texts are only put together where an identity is new. */
  readonly byClass: Map<string, Map<string, Identity>>
  /** By index. */
  readonly all: Identity[]
  /** The sets that an identity is in. */
  readonly within: Map<Identity, readonly PeerSet[]>
  /** What the addresses of an endpoint were found to be in one scene: of a thousand endpoints one changes at a time. */
  readonly placed: WeakMap<Scene, WeakMap<Endpoint, readonly Placed[]>>
}

interface Placed {
  readonly cidr: Cidr
  readonly identity: Identity
}

export function emptyRegistry(): Registry {
  return { byClass: new Map(), all: [], within: new Map(), placed: new WeakMap() }
}

/** What all policies together tell apart besides labels. */
export interface Scene {
  readonly nested: readonly Nested[]
  readonly named: ReadonlySet<string>
}

export function sceneOf(mentions: readonly Mentions[]): Scene {
  return {
    nested: nest(mentions.flatMap(({ blocks }) => blocks)),
    named: new Set(mentions.flatMap(({ names }) => names)),
  }
}

/** The identity of each block and of each endpoint's address. Whatever is in none of them is the stranger. */
export function identify(
  world: World,
  scene: Scene,
  registry: Registry,
): { readonly byAddress: ReadonlyMap<Cidr, Identity>; readonly stranger: Identity } {
  const { named, nested } = scene
  const placed = registry.placed.get(scene) ?? new WeakMap<Endpoint, readonly Placed[]>()
  registry.placed.set(scene, placed)
  const identityOf = (endpoint: Endpoint | undefined, block: Nested | undefined): Identity => {
    const own = endpoint === undefined ? '' : classOf(endpoint, named)
    const byBlock = registry.byClass.get(own) ?? new Map<string, Identity>()
    const held = byBlock.get(block?.cidr ?? '')
    // Under the same key there may be another block further out by now.
    if (held !== undefined && isChain(held.blocks, block)) return held
    const node = endpoint?.kind === 'node' && named.has(endpoint.name) ? endpoint.name : undefined
    const key = `${own}|${block?.cidr ?? ''}`
    const identity = { key, index: registry.all.length, endpoint, node, blocks: chain(block) }
    registry.byClass.set(own, byBlock.set(block?.cidr ?? '', identity))
    registry.all.push(identity)
    return identity
  }
  const place = (endpoint: Endpoint, host: Host): Placed => ({
    cidr: host.cidr,
    identity: identityOf(endpoint, innermost(nested, host)),
  })
  const byAddress = new Map<Cidr, Identity>()
  for (const block of nested) byAddress.set(block.cidr, identityOf(undefined, block))
  for (const endpoint of world.endpoints) {
    const held = placed.get(endpoint)
    const found = held ?? hostsOf(endpoint).map((host) => place(endpoint, host))
    if (held === undefined) placed.set(endpoint, found)
    for (const { cidr, identity } of found) byAddress.set(cidr, identity)
  }
  return { byAddress, stranger: identityOf(undefined, undefined) }
}
