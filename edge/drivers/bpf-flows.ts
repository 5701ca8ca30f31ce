// Flows as the programs in the kernel count them (bpf/loader/policy-report.c). Their maps outlive this process, and the next one
// goes on with what they have counted.

import { readFileSync } from 'node:fs'
import type { Address } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Amount } from '../../shared/flows/batch.ts'
import type { FlowCount, FlowReader, FlowSnapshot, ServiceCount } from '../flows/counters.ts'
import type { Run } from './command.ts'
import { addressReader } from './known-addresses.ts'

const WORD = /^[a-z]{1,20}$/

/** Throws for what is no count. */
function numberOf(text: string | undefined, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Number.NaN
  if (value <= max) return value
  throw new HoldfastError('invalid', `not a number: ${(text ?? '').slice(0, 20)}`)
}

function amountOf(packets: string | undefined, bytes: string | undefined): Amount {
  return { packets: numberOf(packets), bytes: numberOf(bytes) }
}

/** A cookie, or the program's own word. */
function ruleOf(text: string | undefined): number | string {
  return WORD.test(text ?? '') ? (text ?? '') : numberOf(text, 0xff_ff_ff_ff)
}

/** ICMPv6 goes under the number of ICMP there. */
function protocolOf(text: string | undefined, address: Address): number {
  const protocol = numberOf(text, 255)
  return protocol === 1 && address.includes(':') ? 58 : protocol
}

type ReadAddress = (text: string | undefined) => Address

function flowOf(words: readonly string[], addressOf: ReadAddress): FlowCount {
  const [ownText, ownPort, otherText, otherPort, protocolText, way, rule, , packets, bytes, ...back] = words
  const [own, other] = [addressOf(ownText), addressOf(otherText)]
  const [ownEnd, otherEnd] = [
    { address: own, port: numberOf(ownPort, 65_535) },
    { address: other, port: numberOf(otherPort, 65_535) },
  ]
  const [from, to] = way === 'in' ? [otherEnd, ownEnd] : [ownEnd, otherEnd]
  return {
    source: from.address,
    destination: to.address,
    protocol: protocolOf(protocolText, own),
    sourcePort: from.port,
    destinationPort: to.port,
    sent: amountOf(packets, bytes),
    back: amountOf(back[0], back[1]),
    rule: ruleOf(rule),
  }
}

function deniedOf(words: readonly string[], addressOf: ReadAddress): ServiceCount {
  const [from, to, protocolText, port, rule, packets, bytes] = words
  const source = addressOf(from)
  return {
    source,
    destination: addressOf(to),
    protocol: protocolOf(protocolText, source),
    destinationPort: numberOf(port, 65_535),
    amount: amountOf(packets, bytes),
    rule: ruleOf(rule),
  }
}

function keyOf([first, second, third, fourth, fifth]: readonly string[]): string {
  return `${first} ${second} ${third} ${fourth} ${fifth}`
}

/** What `holdfast-bpf policy counts` prints; throws where it is anything else. What is met twice counts by its last word. */
export function parseCounts(
  text: string,
): Omit<FlowSnapshot, 'by' | 'epoch' | 'fresh' | 'unroomed'> & { readonly map: number } {
  const known = addressReader()
  const addressOf: ReadAddress = (word) => {
    const address = known(word ?? '')
    if (address === undefined) throw new HoldfastError('invalid', `not an address: ${(word ?? '').slice(0, 45)}`)
    return address
  }
  const flows = new Map<string, FlowCount>()
  const denied = new Map<string, ServiceCount>()
  const totals: Amount[] = []
  let map: number | undefined
  for (const line of text.split('\n')) {
    const [kind, ...words] = line.split(' ')
    if (kind === 'm') map = numberOf(words[0])
    else if (kind === 't') totals.push(amountOf(words[0], words[1]))
    else if (kind === 'f') flows.set(keyOf(words), flowOf(words, addressOf))
    else if (kind === 'd') denied.set(keyOf(words), deniedOf(words, addressOf))
    else if (line !== '') throw new HoldfastError('invalid', `not a count: ${line.slice(0, 40)}`)
  }
  const [first, last] = totals
  if (map === undefined || first === undefined || last === undefined || totals.length !== 2)
    throw new HoldfastError('invalid', 'counts that are not whole')
  return {
    map,
    flows,
    services: { count: 'dropped', all: [...denied.values()] },
    total: last,
    totalAtFirst: first,
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

export function createBpfFlows(run: Run, program: string): Pick<FlowReader, 'read'> {
  return {
    async read() {
      const { map, ...counts } = parseCounts(await run(program, ['policy', 'counts']))
      return { by: 'bpf', epoch: `${bootId()}_${map}`, fresh: false, unroomed: { packets: 0, bytes: 0 }, ...counts }
    },
  }
}
