// Pods as a node tells of them in its fact, small enough for thousands: what pods share is told once, words are told once, and
// addresses follow each other as differences.
//
//   words       labels' keys and values, namespaces, names of ports; all else names them by their place in this list
//   namespaces  each its name, and its labels as pairs
//   groups      pods alike: their namespace (place in `namespaces`), labels as pairs, ports as [name, protocol, port] one behind
//               the other, addresses of one or both families, and names in the order of the addresses; of pods that a
//               headless Service names, its name (`subdomain`), and what they call themselves (`hostname`) where that is not
//               their name. Agents that know nothing of these two pass them over
//   turns       places, in the order of the groups and of their addresses, at which pods that are ready and pods that are not
//               take turns; ready ones come first. Absent: nothing is said of it, as by agents that know nothing of it
//
// Addresses are written as source maps write numbers (base64 VLQ): the first as it is, each further one as the difference. Names
// are what all begin with, and the rest of each. Where the bytes do not suffice for all names, the largest groups go without:
// policy does not need them, and people see the address instead.

import * as v from 'valibot'
import type { Address } from '../address/cidr.ts'
import { bitsOf, formatIp } from '../address/ip.ts'
import { compareText } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { isName, type Name, parseName } from '../ids.ts'
import { integer, type Labels, labels } from '../intent/field.ts'
import { podPortsMax } from '../limits.ts'
import { podGroupsMax, podsToldMax, podWordsMax } from '../pod-limits.ts'
import { encodeCanonicalText } from '../record/canonical.ts'
import { readNumbers } from './number-text.ts'

export interface PodPort {
  readonly name: Name
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
}

/** A pod with an address of its own. */
export interface Pod {
  readonly namespace: Name
  readonly name: string
  /** One of each family at most. */
  readonly addresses: readonly Address[]
  readonly labels: Labels
  /** What policies may call its ports. */
  readonly ports?: readonly PodPort[]
  /** What it is called below the name of that headless Service. */
  readonly host?: { readonly name: Name; readonly subdomain: Name }
}

export interface Namespace {
  readonly name: Name
  readonly labels: Labels
}

/** A pod as whoever tells of it knows it. */
export interface KnownPod extends Pod {
  /** It is ready by its conditions, and does not end. Absent: nobody says. */
  readonly ready?: boolean
}

/** A pod as a table tells of it. */
export interface ToldPod extends Pod {
  /** Of its namespace. */
  readonly namespaceLabels: Labels
}

const protocols = ['TCP', 'UDP', 'SCTP'] as const
const place = integer(0, podWordsMax - 1)
const vlq = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]*$/))
/** Names of the API server, which are DNS subdomains. */
const names = v.pipe(v.string(), v.regex(/^[a-z0-9,.-]*$/))

const tableSchema = v.object({
  words: v.pipe(v.array(v.string()), v.maxLength(podWordsMax)),
  namespaces: v.pipe(v.array(v.object({ name: place, labels: v.optional(v.array(place)) })), v.maxLength(podGroupsMax)),
  groups: v.pipe(
    v.array(
      v.object({
        namespace: place,
        labels: v.optional(v.array(place)),
        ports: v.optional(v.pipe(v.array(integer(0, 65_535)), v.maxLength(3 * podPortsMax))),
        v4: v.optional(vlq),
        v6: v.optional(vlq),
        stem: v.optional(names),
        names: v.optional(names),
        subdomain: v.optional(place),
        hostname: v.optional(place),
      }),
    ),
    v.maxLength(podGroupsMax),
  ),
  turns: v.optional(vlq),
})
export type PodTable = v.InferOutput<typeof tableSchema>
type Group = PodTable['groups'][number]

/** The schema of a table that can be read to its end. */
export const podTable = v.pipe(
  tableSchema,
  v.rawCheck(({ addIssue, dataset }) => {
    if (!dataset.typed) return
    try {
      unpack(dataset.value)
    } catch (error) {
      addIssue({ message: error instanceof Error ? error.message : 'cannot be read' })
    }
  }),
)

function readAddresses(text: string | undefined, family: 4 | 6): readonly Address[] | undefined {
  if (text === undefined) return undefined
  return readNumbers(text, podsToldMax).map((value) => {
    if (value < 0n || value >> BigInt(bitsOf(family)) !== 0n) throw new HoldfastError('invalid', 'not an address')
    return formatIp({ family, value }) as Address
  })
}

const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/

function nameOf({ names: told, stem = '' }: Group, rests: readonly string[], at: number, address: Address): string {
  const name = told === undefined ? address.replaceAll(':', '-') : `${stem}${rests[at] ?? ''}`
  if (told !== undefined && !NAME.test(name)) throw new HoldfastError('invalid', 'not the name of a pod')
  return name
}

/** Undefined where nobody says what it is called: without names there is only what all of them are. */
function hostOf(
  { hostname, names: told, subdomain }: Group,
  name: string,
  word: (at: number) => string,
): Pod['host'] | undefined {
  if (subdomain === undefined || (hostname === undefined && told === undefined)) return undefined
  const own = hostname === undefined ? name : word(hostname)
  return isName(own) ? { name: own, subdomain: parseName(word(subdomain)) } : undefined
}

function unpackGroup(
  group: Group,
  { labelsAt, word }: { readonly word: (at: number) => string; readonly labelsAt: (pairs?: number[]) => Labels },
  namespace: Namespace | undefined,
): readonly ToldPod[] {
  if (namespace === undefined) throw new HoldfastError('invalid', 'a group is in no namespace')
  const [v4, v6] = [readAddresses(group.v4, 4), readAddresses(group.v6, 6)]
  const count = v4?.length ?? v6?.length ?? 0
  const rests = group.names?.split(',') ?? []
  const isUneven = v4 !== undefined && v6 !== undefined && v4.length !== v6.length
  if (isUneven || (group.names !== undefined && rests.length !== count)) {
    throw new HoldfastError('invalid', 'a group does not tell the same of all its pods')
  }
  const flat = group.ports ?? []
  if (flat.length % 3 !== 0) throw new HoldfastError('invalid', 'a port is not whole')
  const ports = Array.from({ length: flat.length / 3 }, (_, at): PodPort => {
    const [name = 0, protocol = 0, port = 0] = flat.slice(3 * at)
    const known = protocols[protocol]
    if (known === undefined || port === 0) throw new HoldfastError('invalid', 'not a port')
    return { name: parseName(word(name)), protocol: known, port }
  })
  const shared = {
    namespace: namespace.name,
    namespaceLabels: namespace.labels,
    labels: labelsAt(group.labels),
    ...(ports.length === 0 ? {} : { ports }),
  }
  return Array.from({ length: count }, (_, at) => {
    const addresses = [v4?.[at], v6?.[at]].filter((one) => one !== undefined)
    const name = nameOf(group, rests, at, addresses[0] ?? ('' as Address))
    const host = hostOf(group, name, word)
    return { ...shared, name, addresses, ...(host === undefined ? {} : { host }) }
  })
}

/** Keys of the pods that are not ready; `pods` in the order of the table. */
function readUnready(turns: string, pods: readonly ToldPod[]): ReadonlySet<string> {
  const unready = new Set<string>()
  let [isReady, from] = [true, -1]
  const pass = (to: number): void => {
    if (!isReady) for (const pod of pods.slice(Math.max(0, from), to)) unready.add(keyOf(pod))
    isReady = !isReady
    from = to
  }
  for (const at of readNumbers(turns, podsToldMax).map(Number)) {
    if (at <= from || at >= pods.length) throw new HoldfastError('invalid', 'readiness turns where there is no pod')
    pass(at)
  }
  pass(pods.length)
  return unready
}

interface Told {
  readonly pods: readonly ToldPod[]
  /** Keys; undefined where nothing is said of it. */
  readonly unready: ReadonlySet<string> | undefined
}

function unpack({ groups, namespaces, turns, words }: PodTable): Told {
  const word = (at: number): string => {
    const text = words[at]
    if (text === undefined) throw new HoldfastError('invalid', 'names a word that is not there')
    return text
  }
  const labelsAt = (pairs: readonly number[] = []): Labels => {
    const entries = Array.from({ length: Math.ceil(pairs.length / 2) }, (_, at) => [
      word(pairs[2 * at] ?? -1),
      word(pairs[2 * at + 1] ?? -1),
    ])
    return v.parse(labels, Object.fromEntries(entries))
  }
  const known = namespaces.map((one): Namespace => {
    return { name: parseName(word(one.name)), labels: labelsAt(one.labels) }
  })
  const pods = groups.flatMap((group) => unpackGroup(group, { word, labelsAt }, known[group.namespace]))
  if (pods.length > podsToldMax) throw new HoldfastError('invalid', `tells of more than ${podsToldMax} pods`)
  const unready = turns === undefined ? undefined : readUnready(turns, pods)
  return { pods: pods.sort((a, b) => compareText(keyOf(a), keyOf(b))), unready }
}

function keyOf({ name, namespace }: Pick<Pod, 'name' | 'namespace'>): string {
  return `${namespace}/${name}`
}

const read = new WeakMap<PodTable, Told>()

function toldIn(table: PodTable): Told {
  const held = read.get(table) ?? unpack(table)
  read.set(table, held)
  return held
}

/** Sorted by namespace and name; the very same objects for the very same table. */
export function podsIn(table: PodTable): readonly ToldPod[] {
  return toldIn(table).pods
}

/** Whether it can serve, by the word of its cluster; undefined where the table says nothing of it. */
export function isReadyIn(table: PodTable, pod: Pick<Pod, 'name' | 'namespace'>): boolean | undefined {
  const { unready } = toldIn(table)
  return unready === undefined ? undefined : !unready.has(keyOf(pod))
}

function withoutTurns({ groups, namespaces, words }: PodTable): string {
  return encodeCanonicalText({ groups, namespaces, words })
}

/**
 * The table that counts behind `before`: that itself where nothing changed. Pods that did not change are the same objects, so
 * that what was made of them counts on; where none did, and others are ready now, they are the very same list.
 */
export function succeedPods(next: PodTable, before: PodTable | undefined): PodTable {
  if (before === undefined) return next
  if (encodeCanonicalText(before) === encodeCanonicalText(next)) return before
  const held = read.get(before)
  if (held === undefined) return next
  const { pods, unready } = toldIn(next)
  if (withoutTurns(before) === withoutTurns(next)) {
    read.set(next, { pods: held.pods, unready })
    return next
  }
  const known = new Map(held.pods.map((pod) => [keyOf(pod), pod]))
  const texts = new WeakMap<object, string>()
  const textOf = (one: object | undefined): string => {
    if (one === undefined) return ''
    const text = texts.get(one) ?? JSON.stringify(one)
    texts.set(one, text)
    return text
  }
  const isSame = (a: ToldPod, b: ToldPod): boolean =>
    a.addresses.join() === b.addresses.join() &&
    textOf(a.labels) === textOf(b.labels) &&
    textOf(a.namespaceLabels) === textOf(b.namespaceLabels) &&
    textOf(a.ports) === textOf(b.ports) &&
    textOf(a.host) === textOf(b.host)
  const now = pods.map((pod) => {
    const former = known.get(keyOf(pod))
    return former !== undefined && isSame(former, pod) ? former : pod
  })
  read.set(next, { pods: now, unready })
  return next
}
