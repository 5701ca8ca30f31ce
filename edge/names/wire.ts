// Questions and answers as bytes (RFC 1035 §4, RFC 6891).

import * as packet from 'dns-packet'
import { type Answer, answer, type Question, type Reply, rcodes } from './answer.ts'
import type { Asked, Transport } from './question.ts'
import type { Zone } from './zone.ts'

/** Bytes that each packet has at least: RFC 1035 §4.1.1. */
const HEADER_BYTES = 12
/** What every resolver takes by UDP without saying so: RFC 1035 §4.2.1. */
const PLAIN_BYTES_MAX = 512
/** What fits into one packet of IPv6 everywhere: the flag day of 2020, RFC 9715. */
const UDP_BYTES_MAX = 1_232
/** RFC 1035 §4.2.2: two bytes say the length. */
const TCP_BYTES_MAX = 65_535
/** Seconds: a zone without secondaries has to say something (RFC 1035 §3.3.13); the last is that of RFC 2308 §4. */
const SOA_TIMES = { refresh: 3_600, retry: 600, expire: 604_800, minimum: 5 }
/** All alike: who serves is decided behind the address. */
const SHARE = { priority: 0, weight: 100 }
const OPCODE_BITS = 0x7800

const OPT: packet.OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: UDP_BYTES_MAX,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
}

function recordOf(one: Answer): packet.Answer {
  const { name, ttlS: ttl, type } = one
  if (type === 'SOA')
    return { type, name, ttl, data: { mname: name, rname: `hostmaster.${name}`, serial: one.serial, ...SOA_TIMES } }
  if (type === 'SRV') return { type, name, ttl, data: { ...SHARE, port: one.port, target: one.target } }
  return { type, name, ttl, data: one.data }
}

function encode(
  query: Pick<packet.Packet, 'id' | 'flags' | 'questions'>,
  reply: Reply,
  size: number | undefined,
): Buffer {
  const kept = (query.flags ?? 0) & (OPCODE_BITS | packet.RECURSION_DESIRED)
  const authority = reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN' ? packet.AUTHORITATIVE_ANSWER : 0
  return packet.encode({
    type: 'response',
    id: query.id,
    flags: kept | authority | rcodes[reply.rcode],
    questions: query.questions,
    answers: reply.answers.map(recordOf),
    authorities: reply.authority.map(recordOf),
    additionals: [...reply.additional.map(recordOf), ...(size === undefined ? [] : [OPT])],
  })
}

function bare(rcode: Reply['rcode']): Reply {
  return { rcode, answers: [], additional: [], authority: [] }
}

/** A header alone, for what can't be read: whose question it is, and that it was not understood. */
function unread(bytes: Buffer): Buffer {
  const out = Buffer.alloc(HEADER_BYTES)
  bytes.copy(out, 0, 0, 2)
  out.writeUInt16BE(0x8000 | (bytes.readUInt16BE(2) & (OPCODE_BITS | packet.RECURSION_DESIRED)) | rcodes.FORMERR, 2)
  return out
}

function replyTo(zone: Zone | undefined, query: packet.DecodedPacket, turn: number): Reply {
  // Updates, notifies and transfers are for others.
  if (((query.flags ?? 0) & OPCODE_BITS) !== 0) return bare('NOTIMP')
  const [question, more] = query.questions ?? []
  if (question === undefined || more !== undefined) return bare('FORMERR')
  const asked: Question = { name: question.name, type: question.type, class: question.class ?? 'IN', turn }
  return answer(zone, asked)
}

/** What a packet asks, and how long an answer it takes; undefined for what is no single question. */
export function askedOf(bytes: Buffer): Asked | undefined {
  try {
    const { additionals, questions } = packet.decode(bytes)
    const [question, more] = questions ?? []
    if (question === undefined || more !== undefined) return undefined
    const opt = additionals?.find((one) => one.type === 'OPT')
    const size = Math.max(PLAIN_BYTES_MAX, opt?.udpPayloadSize ?? 0)
    return { name: question.name, ...(opt === undefined ? {} : { opt: { size, signed: opt.flag_do } }) }
  } catch {
    return undefined
  }
}

/**
 * What to send back for a packet; undefined for one that is no question. An answer that does not fit is cut to its header, so
 * that the question comes again by TCP.
 */
export function respond(
  zone: Zone | undefined,
  bytes: Uint8Array,
  transport: Transport,
  onReply?: (reply: Reply) => void,
  turn = 0,
): Uint8Array | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isQuestion = buffer.length >= HEADER_BYTES && (buffer.readUInt16BE(2) & 0x8000) === 0
  if (!isQuestion) return undefined
  let query: packet.DecodedPacket
  try {
    query = packet.decode(buffer)
  } catch {
    return unread(buffer)
  }
  const opt = query.additionals?.find(({ type }) => type === 'OPT') as { readonly udpPayloadSize: number } | undefined
  const reply = replyTo(zone, query, turn)
  onReply?.(reply)
  const whole = encode(query, reply, opt?.udpPayloadSize)
  const most =
    transport === 'tcp'
      ? TCP_BYTES_MAX
      : Math.min(UDP_BYTES_MAX, Math.max(PLAIN_BYTES_MAX, opt?.udpPayloadSize ?? PLAIN_BYTES_MAX))
  if (whole.length <= most) return whole
  const cut = encode(query, { ...reply, answers: [], additional: [], authority: [] }, opt?.udpPayloadSize)
  cut.writeUInt16BE(cut.readUInt16BE(2) | packet.TRUNCATED_RESPONSE, 2)
  return cut
}
