// Pods to the table that a fact carries. Pure: the same pods in whatever order give the same bytes.

import { familyOf } from '../address/cidr.ts'
import { parseIp } from '../address/ip.ts'
import { compareText, utf8 } from '../bytes.ts'
import type { Labels } from '../intent/field.ts'
import { podGroupsMax, podsToldMax, podWordsMax } from '../pod-limits.ts'
import { encodeCanonicalText } from '../record/canonical.ts'
import { writeNumbers } from './number-text.ts'
import type { KnownPod, Namespace, Pod, PodTable } from './pod-table.ts'

type Group = PodTable['groups'][number]

export interface Packed {
  readonly table: PodTable
  /** Pods that the table tells of, … */
  readonly told: number
  /** … those of them that it calls by their names, … */
  readonly named: number
  /** … and those there was no room for. */
  readonly leftOut: number
}

const protocols = ['TCP', 'UDP', 'SCTP'] as const

function pairsText(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => compareText(a, b)))
}

/** Pods with one text differ in nothing but name and address. */
function createGroupText(): (pod: Pod) => string {
  const texts = new WeakMap<object, string>()
  return ({ addresses, host, labels, name, namespace, ports = [] }) => {
    const known = texts.get(labels) ?? pairsText(labels)
    texts.set(labels, known)
    const called = host === undefined ? '' : ` ${host.subdomain} ${host.name === name ? '' : host.name}`
    return `${namespace} ${known} ${JSON.stringify(ports)} ${addresses.map(familyOf).join()}${called}`
  }
}

function valueOf(pod: Pod, family: 4 | 6): bigint | undefined {
  const address = pod.addresses.find((one) => familyOf(one) === family)
  return address === undefined ? undefined : parseIp(address).value
}

function compareAddress(a: Pod, b: Pod): number {
  const [x, y] = [valueOf(a, 4) ?? valueOf(a, 6) ?? 0n, valueOf(b, 4) ?? valueOf(b, 6) ?? 0n]
  return x === y ? compareText(a.name, b.name) : x < y ? -1 : 1
}

/** What all of them begin with. */
function stemOf(names: readonly string[]): string {
  const sorted = names.toSorted(compareText)
  const [first = '', last = ''] = [sorted[0], sorted.at(-1)]
  let length = 0
  while (length < first.length && first[length] === last[length]) length++
  return first.slice(0, length)
}

function namesOf(pods: readonly Pod[]): Pick<Group, 'names' | 'stem'> {
  const names = pods.map(({ name }) => name)
  const stem = names.length === 1 ? '' : stemOf(names)
  return { ...(stem === '' ? {} : { stem }), names: names.map((name) => name.slice(stem.length)).join() }
}

/** Words by their place. */
interface Words {
  readonly all: string[]
  of(word: string): number
}

function createWords(): Words {
  const places = new Map<string, number>()
  const all: string[] = []
  return {
    all,
    of(word) {
      const held = places.get(word)
      if (held !== undefined) return held
      places.set(word, all.length)
      return all.push(word) - 1
    },
  }
}

function pairsOf(labels: Labels, words: Words): number[] {
  const entries = Object.entries(labels).sort(([a], [b]) => compareText(a, b))
  return entries.flatMap(([key, value]) => [words.of(key), words.of(value)])
}

/** `sorted`: by their addresses. */
function groupOf(sorted: readonly Pod[], namespace: number, words: Words): Group {
  const [first] = sorted
  const labels = pairsOf(first?.labels ?? {}, words)
  const ports = (first?.ports ?? []).flatMap((one) => [words.of(one.name), protocols.indexOf(one.protocol), one.port])
  const [v4, v6] = ([4, 6] as const).map((family) => {
    const values = sorted.map((pod) => valueOf(pod, family)).filter((value) => value !== undefined)
    return values.length === 0 ? undefined : writeNumbers(values)
  })
  return {
    namespace,
    ...(labels.length === 0 ? {} : { labels }),
    ...(ports.length === 0 ? {} : { ports }),
    ...(v4 === undefined ? {} : { v4 }),
    ...(v6 === undefined ? {} : { v6 }),
    ...(first?.host === undefined ? {} : { subdomain: words.of(first.host.subdomain) }),
    ...(first?.host === undefined || first.host.name === first.name ? {} : { hostname: words.of(first.host.name) }),
    ...namesOf(sorted),
  }
}

/** Undefined where there are none, or of some of them nobody says whether they are ready. */
function turnsOf(pods: readonly KnownPod[]): string | undefined {
  if (pods.length === 0) return undefined
  const places: bigint[] = []
  let isReady = true
  for (const [at, { ready }] of pods.entries()) {
    if (ready === undefined) return undefined
    if (ready !== isReady) places.push(BigInt(at))
    isReady = ready
  }
  return writeNumbers(places)
}

function tableOf(pods: readonly KnownPod[], namespaces: ReadonlyMap<string, Labels>): PodTable {
  const words = createWords()
  const textOf = createGroupText()
  const groups = [...Map.groupBy(pods, textOf)]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, own]) => own.toSorted(compareAddress))
  const names = [...new Set(pods.map(({ namespace }) => namespace))].sort(compareText)
  const told = names.map((name) => {
    const labels = pairsOf(namespaces.get(name) ?? {}, words)
    return { name: words.of(name), ...(labels.length === 0 ? {} : { labels }) }
  })
  const made = groups.map((own) => groupOf(own, names.indexOf(own[0]?.namespace ?? names[0] ?? ('' as never)), words))
  const turns = turnsOf(groups.flat())
  return { words: words.all, namespaces: told, groups: made, ...(turns === undefined ? {} : { turns }) }
}

function bytesOf(value: unknown): number {
  return utf8(encodeCanonicalText(value)).length
}

/** Without names in the groups where they take the most, until the rest fits. */
function withoutNames(table: PodTable, bytesMax: number): PodTable {
  let bytes = bytesOf(table)
  const weights = table.groups
    .map(({ names = '', stem = '' }, at) => ({ at, bytes: names.length + stem.length }))
    .sort((a, b) => b.bytes - a.bytes || a.at - b.at)
  const bare = new Set<number>()
  for (const { at, bytes: own } of weights) {
    if (bytes <= bytesMax) break
    bare.add(at)
    bytes -= own
  }
  if (bare.size === 0) return table
  const groups = table.groups.map((group, at): Group => {
    if (!bare.has(at)) return group
    const { names: _, stem: __, ...rest } = group
    return rest
  })
  return { ...table, groups }
}

/** A step towards fewer pods, where even without names they are too many. */
const FEWER = 0.9

function fits(table: PodTable, bytesMax: number): boolean {
  const { groups, namespaces, words } = table
  const isShort = groups.length <= podGroupsMax && namespaces.length <= podGroupsMax && words.length <= podWordsMax
  return isShort && bytesOf(table) <= bytesMax
}

/** Pods with at least one address; those with the highest addresses are left out where there is no room for all. */
export function packPods(pods: readonly KnownPod[], namespaces: readonly Namespace[], bytesMax: number): Packed {
  const labels = new Map<string, Labels>(namespaces.map((one) => [one.name, one.labels]))
  const own = pods.filter(({ addresses }) => addresses.length > 0)
  let kept = own.length <= podsToldMax ? own : own.toSorted(compareAddress).slice(0, podsToldMax)
  let table = withoutNames(tableOf(kept, labels), bytesMax)
  while (!fits(table, bytesMax)) {
    kept = kept.toSorted(compareAddress).slice(0, Math.floor(kept.length * FEWER))
    table = withoutNames(tableOf(kept, labels), bytesMax)
  }
  const named = table.groups.reduce((sum, { names }) => sum + (names === undefined ? 0 : names.split(',').length), 0)
  return { table, told: kept.length, named, leftOut: pods.length - kept.length }
}
