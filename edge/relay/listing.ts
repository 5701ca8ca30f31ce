// What the kernel says of the relay's table (`nft -j list table`), read back into sessions and counters.

import * as v from 'valibot'
import type { Address } from '../../shared/address/cidr.ts'
import { formatEndpoint } from '../../shared/address/endpoint.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { Carried, Forward, ForwardEnd } from './forwarder.ts'
import { markOf } from './ruleset.ts'
import { type PortRange, pairOf } from './sessions.ts'

const scalar = v.union([v.string(), v.number()])
const counter = v.object({ packets: v.number(), bytes: v.number() })
const wrapped = v.object({
  elem: v.object({
    val: v.union([scalar, v.object({ concat: v.array(scalar) })]),
    comment: v.optional(v.string()),
    counter: v.optional(counter),
  }),
})
const key = v.union([wrapped, scalar, v.object({ concat: v.array(scalar) })])
const listed = v.object({
  name: v.string(),
  size: v.optional(v.number()),
  elem: v.optional(v.array(v.union([v.tuple([key, scalar]), key]))),
})
const document = v.object({
  nftables: v.array(
    v.object({
      map: v.optional(listed),
      set: v.optional(listed),
      counter: v.optional(v.object({ name: v.string(), packets: v.number() })),
    }),
  ),
})

interface Entry {
  readonly parts: readonly (string | number)[]
  readonly value: string | number | undefined
  readonly comment: string | undefined
  readonly counter: { readonly packets: number; readonly bytes: number } | undefined
}

function documentOf(text: string): v.InferOutput<typeof document> {
  try {
    return parseWith(document, JSON.parse(text))
  } catch (cause) {
    throw new HoldfastError('unsupported', 'this nft lists tables in a way that is not known', { cause })
  }
}

function entryOf(item: v.InferOutput<typeof key>, value: string | number | undefined): Entry {
  const elem = typeof item === 'object' && 'elem' in item ? item.elem : { val: item }
  const parts = typeof elem.val === 'object' ? elem.val.concat : [elem.val]
  return {
    parts,
    value,
    comment: 'comment' in elem ? elem.comment : undefined,
    counter: 'counter' in elem ? elem.counter : undefined,
  }
}

function entriesOf(text: string, name: string): readonly Entry[] {
  const found = documentOf(text).nftables.map((item) => item.map ?? item.set)
  const elements = found.find((one) => one?.name === name)?.elem ?? []
  return elements.map((item) => (Array.isArray(item) ? entryOf(item[0], item[1]) : entryOf(item, undefined)))
}

/** True if the table in the kernel is of this make and serves as many ports. */
export function readHasTable(text: string, range: PortRange): boolean {
  return documentOf(text).nftables.some(({ map }) => map?.name === 'to_port' && map.size === 2 * range.count)
}

interface Found {
  readonly port: number
  readonly family: 4 | 6
  readonly nodes: readonly [NodeId, NodeId]
  readonly ends: [ForwardEnd | undefined, ForwardEnd | undefined]
}

/** What can't be read is left out: its packets go on until it is bound anew. */
function owners(comment: string | undefined): readonly [NodeId, NodeId] | undefined {
  const [node = '', peer = ''] = (comment ?? '').split(' ')
  try {
    return [parseNodeId(node), parseNodeId(peer)]
  } catch {
    return undefined
  }
}

function readFamily(text: string, family: 4 | 6, into: Map<number, Found>): void {
  for (const home of [`end${family}`, `waiting${family}`]) {
    for (const { comment, parts } of entriesOf(text, home)) {
      const who = owners(comment)
      const [address = '', local = '', sport = 0, port = 0] = parts
      if (who === undefined) continue
      const nodes = pairOf(...who)
      const side = nodes[0] === who[0] ? 0 : 1
      const found = into.get(Number(port)) ?? { port: Number(port), family, nodes, ends: [undefined, undefined] }
      found.ends[side] = {
        source: formatEndpoint(String(address) as Address, Number(sport)),
        local: String(local) as Address,
      }
      into.set(found.port, found)
    }
  }
}

/** The sessions that stand in the kernel. */
export function readForwards(text: string, range: PortRange): readonly Forward[] {
  const found = new Map<number, Found>()
  for (const family of [4, 6] as const) readFamily(text, family, found)
  return [...found.values()].filter(({ port }) => port >= range.first && port < range.first + range.count)
}

export function readCarried(text: string, range: PortRange): ReadonlyMap<number, Carried> {
  const out = new Map<number, { packets: [number, number]; bytes: [number, number] }>()
  const base = markOf(range, range.first, 0)
  for (const family of [4, 6] as const) {
    for (const { counter: counted, parts } of entriesOf(text, `to${family}`)) {
      const slot = Number(parts[0]) - base
      const port = range.first + (slot >> 1)
      const side = (slot & 1) as 0 | 1
      const carried = out.get(port) ?? { packets: [0, 0], bytes: [0, 0] }
      carried.packets[side] = counted?.packets ?? 0
      carried.bytes[side] = counted?.bytes ?? 0
      out.set(port, carried)
    }
  }
  return out
}

export function readDropped(text: string): number {
  const junk = documentOf(text).nftables.find((item) => item.counter?.name === 'junk')
  return junk?.counter?.packets ?? 0
}
