// What is answered to a question about names of the mesh. Only for those: whoever asks for others is refused, so nobody can use a
// node to ask, or to flood, somebody else. Pure.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { addressOf, reverseOf, touches } from './reverse.ts'
import { isWithin, type Zone } from './zone.ts'

/** RFC 1035 §4.1.1. */
export const rcodes = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const

export interface Question {
  readonly name: string
  readonly type: string
  readonly class: string
  /** Counts questions: of several pods each is the first in turn. */
  readonly turn?: number
}

export type Answer =
  | { readonly type: 'A' | 'AAAA'; readonly name: string; readonly ttlS: number; readonly data: Address }
  | { readonly type: 'PTR'; readonly name: string; readonly ttlS: number; readonly data: string }
  | {
      readonly type: 'SRV'
      readonly name: string
      readonly ttlS: number
      readonly port: number
      readonly target: string
    }
  | { readonly type: 'TXT'; readonly name: string; readonly ttlS: number; readonly data: string }
  | { readonly type: 'SOA'; readonly name: string; readonly ttlS: number; readonly serial: number }

export interface Reply {
  readonly rcode: keyof typeof rcodes
  readonly answers: readonly Answer[]
  /** Addresses of those that SRV names, which would be asked for next (RFC 2782). */
  readonly additional: readonly Answer[]
  /** Says how long to remember that there is nothing (RFC 2308 §3). */
  readonly authority: readonly Answer[]
}

/** Addresses of nodes do not move; names come and go with intent. */
const FOUND_TTL_S = 60
/** As CoreDNS has it for pods. */
const FLEETING_TTL_S = 5
/** A device that has just joined is to be found. */
const NOTHING_TTL_S = 5

const refused: Reply = { rcode: 'REFUSED', answers: [], additional: [], authority: [] }

function soa({ serial }: Zone, name: string, ttlS: number): Answer {
  return { type: 'SOA', name, ttlS, serial }
}

function nothing(zone: Zone, apex: string, rcode: 'NOERROR' | 'NXDOMAIN'): Reply {
  return { rcode, answers: [], additional: [], authority: [soa(zone, apex, NOTHING_TTL_S)] }
}

function found(zone: Zone, apex: string, answers: readonly Answer[], additional: readonly Answer[] = []): Reply {
  if (answers.length === 0) return nothing(zone, apex, 'NOERROR')
  return { rcode: 'NOERROR', answers, additional, authority: [] }
}

/** ANY is answered with what there is: RFC 8482 §4.1 leaves the choice. */
function wants(type: string, of: Answer['type']): boolean {
  return type === of || type === 'ANY'
}

function ttlOf({ fleeting }: Zone, whole: string): number {
  return fleeting.has(whole) ? FLEETING_TTL_S : FOUND_TTL_S
}

function inTurn<T>(all: readonly T[], turn: number): readonly T[] {
  const first = all.length === 0 ? 0 : turn % all.length
  return [...all.slice(first), ...all.slice(0, first)]
}

function addressAnswers(zone: Zone, name: string, whole: string): readonly Answer[] {
  const ttlS = ttlOf(zone, whole)
  return (zone.hosts.get(whole) ?? []).map((data): Answer => {
    return { type: familyOf(data) === 4 ? 'A' : 'AAAA', name, ttlS, data }
  })
}

function forward(zone: Zone, { name, turn = 0, type }: Question, asked: string, domain: string): Reply {
  if (asked === domain) return found(zone, domain, wants(type, 'SOA') ? [soa(zone, name, FOUND_TTL_S)] : [])
  const [targets, words] = [zone.services.get(asked) ?? [], zone.texts.get(asked)]
  const all: readonly Answer[] = [
    ...addressAnswers(zone, name, asked),
    ...targets.map((one): Answer => ({ type: 'SRV', name, ttlS: ttlOf(zone, asked), ...one })),
    ...(words === undefined ? [] : [{ type: 'TXT', name, ttlS: FOUND_TTL_S, data: words } as const]),
  ]
  const isKnown = zone.hosts.has(asked) || zone.services.has(asked) || zone.inner.has(asked)
  if (all.length === 0 && !isKnown) return nothing(zone, domain, 'NXDOMAIN')
  const wanted = all.filter((one) => wants(type, one.type))
  const answers = zone.fleeting.has(asked) ? inTurn(wanted, turn) : wanted
  const named = new Set(answers.flatMap((one) => (one.type === 'SRV' ? [one.target] : [])))
  return found(
    zone,
    domain,
    answers,
    [...named].flatMap((target) => addressAnswers(zone, target, target)),
  )
}

function backward(zone: Zone, { name, type }: Question, asked: string): Reply {
  const reverse = reverseOf(asked)
  if (reverse === undefined || !zone.blocks.some((block) => touches(reverse, block))) return refused
  const address = addressOf(reverse)
  // The block as a whole, and what lies between it and an address.
  if (address === undefined) return nothing(zone, asked, 'NOERROR')
  if (!isWithin(zone, address)) return refused
  const host = zone.names.get(address)
  if (host === undefined) return nothing(zone, asked, 'NXDOMAIN')
  return found(zone, asked, wants(type, 'PTR') ? [{ type: 'PTR', name, ttlS: FOUND_TTL_S, data: host }] : [])
}

/** Names in answers are spelt as they were asked for: resolvers draw the case of letters as a proof against forgers. */
export function answer(zone: Zone | undefined, question: Question): Reply {
  const asked = question.name.toLowerCase()
  if (zone === undefined || (question.class !== 'IN' && question.class !== 'ANY')) return refused
  const domain = zone.domains.find((one) => asked === one || asked.endsWith(`.${one}`))
  if (domain !== undefined) return forward(zone, question, asked, domain)
  return backward(zone, question, asked)
}
