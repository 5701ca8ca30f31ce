// What `nft -j -p list table` says of counted flows, read. Words of another program: what is not understood is left out.
//
// In JSON, because as text nft writes each word of a listing by itself: 12,000 elements cost either end of the pipe 0.35 s of a
// core so, and 0.2 s and 0.05 s in JSON.

import * as v from 'valibot'
import type { Address } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Amount } from '../../shared/flows/batch.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { FlowCount, FlowSnapshot, ServiceCount } from '../flows/counters.ts'
import { addressReader } from './known-addresses.ts'

const document = v.object({
  nftables: v.array(
    v.object({
      // Thousands of elements: looked at one by one below.
      set: v.optional(v.object({ name: v.string(), elem: v.optional(v.array(v.unknown())) })),
      counter: v.optional(v.object({ name: v.string(), packets: v.number(), bytes: v.number() })),
    }),
  ),
})
const SET = /^(sent|back|more_sent|more_back|asked)[46]$/

const ICMP = new Set([1, 58])

interface Counted {
  readonly source: Address
  readonly destination: Address
  readonly protocol: number
  readonly sourcePort?: number
  readonly destinationPort: number
  sent: Amount
  back: Amount
}

export const nothing: Amount = { packets: 0, bytes: 0 }

function sum(a: Amount, b: Amount): Amount {
  return { packets: a.packets + b.packets, bytes: a.bytes + b.bytes }
}

function isUpTo(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max
}

function isAmount(amount: { readonly packets: unknown; readonly bytes: unknown }): amount is Amount {
  return isUpTo(amount.packets, Number.MAX_SAFE_INTEGER) && isUpTo(amount.bytes, Number.MAX_SAFE_INTEGER)
}

interface Element {
  readonly key: string
  readonly tuple: Omit<Counted, 'sent' | 'back'>
  readonly amount: Amount
}

/** As nft writes one; nothing of it is certain. */
interface Written {
  readonly elem?: {
    readonly val?: { readonly concat?: readonly unknown[] } | null
    readonly counter?: { readonly packets?: unknown; readonly bytes?: unknown } | null
  } | null
}

function isPort(value: unknown): value is number {
  return isUpTo(value, 65_535)
}

/** Undefined for numbers and addresses that are none. */
function elementOf(
  written: Written | null,
  hasSource: boolean,
  addressOf: (text: string) => Address | undefined,
): Element | undefined {
  const { counter, val } = written?.elem ?? {}
  const parts = val?.concat
  if (!Array.isArray(parts) || parts.length !== (hasSource ? 5 : 4)) return undefined
  const [from, to, protocol] = parts as readonly unknown[]
  const [sourcePort, port] = (hasSource ? parts.slice(3) : [0, parts[3]]) as readonly unknown[]
  const amount = { packets: counter?.packets, bytes: counter?.bytes }
  if (!isUpTo(protocol, 255) || !isPort(port) || !isPort(sourcePort) || !isAmount(amount)) return undefined
  if (typeof from !== 'string' || typeof to !== 'string') return undefined
  const [source, destination] = [addressOf(from), addressOf(to)]
  if (source === undefined || destination === undefined) return undefined
  // Conntrack has type and code there.
  const destinationPort = ICMP.has(protocol) ? 0 : port
  const key = `${from} ${to} ${protocol} ${hasSource ? sourcePort : ''} ${destinationPort}`
  const own = { source, destination, protocol, destinationPort }
  return { key, tuple: hasSource ? { ...own, sourcePort } : own, amount }
}

function documentOf(text: string): v.InferOutput<typeof document> {
  try {
    return parseWith(document, JSON.parse(text))
  } catch (cause) {
    throw new HoldfastError('unsupported', 'this nft lists tables in a way that is not known', { cause })
  }
}

export interface Listing extends Pick<FlowSnapshot, 'flows' | 'services' | 'total' | 'unroomed'> {
  /** Names of counters; one of them is the epoch's. */
  readonly counters: ReadonlyMap<string, Amount>
}

/** Throws `unsupported` for what is no listing. */
export function parseListing(text: string): Listing {
  const counters = new Map<string, Amount>()
  const flows = new Map<string, Counted>()
  const addressOf = addressReader()
  const asked = new Map<string, Omit<ServiceCount, 'amount'> & { amount: Amount }>()
  for (const { counter, set: listed } of documentOf(text).nftables) {
    if (counter !== undefined && isAmount(counter)) {
      counters.set(counter.name, { packets: counter.packets, bytes: counter.bytes })
    }
    const set = SET.exec(listed?.name ?? '')?.[1]
    const side = set?.endsWith('back') === true ? 'back' : 'sent'
    for (const written of set === undefined ? [] : (listed?.elem ?? [])) {
      const element = elementOf(written as Written | null, set === 'sent' || set === 'back', addressOf)
      if (element === undefined) continue
      const { amount, key, tuple } = element
      if (set === 'asked') {
        asked.set(key, { ...tuple, amount: sum(asked.get(key)?.amount ?? nothing, amount) })
      } else {
        const held = flows.get(key)
        if (held === undefined) flows.set(key, { ...tuple, sent: nothing, back: nothing, [side]: amount })
        else held[side] = held[side] === nothing ? amount : sum(held[side], amount)
      }
    }
  }
  const of = (name: string): Amount => counters.get(name) ?? nothing
  return {
    counters,
    flows: flows satisfies ReadonlyMap<string, FlowCount>,
    services: { count: 'asked', all: [...asked.values()] },
    total: of('total'),
    unroomed: sum(of('unroomed'), of('unasked')),
  }
}
