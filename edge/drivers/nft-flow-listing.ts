// What `nft list table` says of counted flows, read. Words of another program: what is not understood is left out.

import type { Address } from '../../shared/address/cidr.ts'
import type { Amount } from '../../shared/flows/batch.ts'
import type { FlowCount, FlowSnapshot, ServiceCount } from '../flows/counters.ts'
import { addressReader } from './known-addresses.ts'

const ELEMENT =
  /([0-9a-f.:]+) \. ([0-9a-f.:]+) \. (\d+) \. (\d+)(?: \. (\d+))? (?:timeout \S+ )?(?:expires \S+ )?counter packets (\d+) bytes (\d+)/g
const SET = /\bset (sent|back|more_sent|more_back|asked)[46] \{[^{}]*?elements = \{([^}]*)\}/g
const COUNTER = /\bcounter (\w+) \{\s*packets (\d+) bytes (\d+)/g

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

function isAmount({ bytes, packets }: Amount): boolean {
  return Number.isSafeInteger(bytes) && Number.isSafeInteger(packets)
}

interface Element {
  readonly key: string
  readonly tuple: Omit<Counted, 'sent' | 'back'>
  readonly amount: Amount
}

/** Undefined for numbers and addresses that are none. */
function elementOf(
  match: RegExpExecArray,
  hasSource: boolean,
  addressOf: (text: string) => Address | undefined,
): Element | undefined {
  const [, from = '', to = '', number = '', first = '', second, packets = '', bytes = ''] = match
  if ((second !== undefined) !== hasSource) return undefined
  const protocol = Number(number)
  const [sourcePort, port] = hasSource ? [Number(first), Number(second)] : [undefined, Number(first)]
  const amount = { packets: Number(packets), bytes: Number(bytes) }
  if (protocol > 255 || port > 65_535 || (sourcePort ?? 0) > 65_535 || !isAmount(amount)) return undefined
  const [source, destination] = [addressOf(from), addressOf(to)]
  if (source === undefined || destination === undefined) return undefined
  // Conntrack has type and code there.
  const destinationPort = ICMP.has(protocol) ? 0 : port
  const key = `${from} ${to} ${number} ${second === undefined ? '' : first} ${destinationPort}`
  const own = { source, destination, protocol, destinationPort }
  return { key, tuple: sourcePort === undefined ? own : { ...own, sourcePort }, amount }
}

export interface Listing extends Pick<FlowSnapshot, 'flows' | 'services' | 'total' | 'unroomed'> {
  /** Names of counters; one of them is the epoch's. */
  readonly counters: ReadonlyMap<string, Amount>
}

export function parseListing(text: string): Listing {
  const counters = new Map<string, Amount>()
  for (const [, name = '', packets, bytes] of text.matchAll(COUNTER)) {
    const amount = { packets: Number(packets), bytes: Number(bytes) }
    if (isAmount(amount)) counters.set(name, amount)
  }
  const flows = new Map<string, Counted>()
  const addressOf = addressReader()
  const asked = new Map<string, Omit<ServiceCount, 'amount'> & { amount: Amount }>()
  for (const [, set = '', elements = ''] of text.matchAll(SET)) {
    const side = set.endsWith('back') ? 'back' : 'sent'
    for (const match of elements.matchAll(ELEMENT)) {
      const element = elementOf(match, set === 'sent' || set === 'back', addressOf)
      if (element === undefined) continue
      const { amount, key, tuple } = element
      if (set === 'asked') {
        const held = asked.get(key)
        asked.set(key, { ...tuple, amount: sum(held?.amount ?? nothing, amount) })
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
