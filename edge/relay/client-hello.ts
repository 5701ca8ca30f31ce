// The first words of a TLS client (RFC 8446 §4.1.2), read without answering: for whom it asks, and what it wants to speak.
//
// Whoever answers behind proves itself; nothing here has to be believed, only to be parsed within bounds.

import { concat, fromUtf8 } from '../../shared/bytes.ts'
import { clientHelloBytesMax } from '../../shared/limits.ts'

export interface ClientHello {
  /** Server name indication (RFC 6066 §3). */
  readonly serverName: string | undefined
  /** Application protocols on offer (RFC 7301 §3.1), in the client's order. */
  readonly protocols: readonly string[]
}

const HANDSHAKE = 22
const CLIENT_HELLO = 1
const RECORD_HEAD = 5
/** RFC 8446 §5.1. */
const RECORD_BYTES_MAX = 1 << 14
const RECORDS_MAX = 4
const MESSAGE_HEAD = 4
const SERVER_NAME = 0
const PROTOCOLS = 16

/** Takes bytes off the front; every step is checked against what is left. */
interface Reader {
  readonly left: () => number
  readonly number: (bytes: 1 | 2 | 3) => number
  readonly take: (length: number) => Uint8Array
}

/** Thrown and caught here alone. */
const short = Symbol('short')

function readerOf(bytes: Uint8Array): Reader {
  let at = 0
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw short
    at += length
    return bytes.subarray(at - length, at)
  }
  return {
    left: () => bytes.length - at,
    take,
    number: (length) => take(length).reduce((sum, byte) => sum * 256 + byte, 0),
  }
}

/** A vector with its length in front. */
function vector(reader: Reader, lengthBytes: 1 | 2): Reader {
  return readerOf(reader.take(reader.number(lengthBytes)))
}

/** The handshake message, put together from its records; undefined while some of it is missing. Throws `short` for junk. */
function messageOf(bytes: Uint8Array): Uint8Array | undefined {
  const fragments: Uint8Array[] = []
  let at = 0
  // A few records are enough for any; more would be read again with every packet.
  for (let records = 0; records < RECORDS_MAX; records++) {
    const [type, major] = [bytes[at], bytes[at + 1]]
    if ((type !== undefined && type !== HANDSHAKE) || (major !== undefined && major !== 3)) throw short
    if (bytes.length - at < RECORD_HEAD) return undefined
    const recordBytes = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0)
    if (recordBytes === 0 || recordBytes > RECORD_BYTES_MAX) throw short
    const end = at + RECORD_HEAD + recordBytes
    if (bytes.length < end) return undefined
    fragments.push(bytes.subarray(at + RECORD_HEAD, end))
    at = end
    const message = concat(...fragments)
    if (message.length < MESSAGE_HEAD) continue
    const head = readerOf(message)
    if (head.number(1) !== CLIENT_HELLO) throw short
    const length = head.number(3)
    if (head.left() >= length) return head.take(length)
  }
  throw short
}

function serverNameOf(extension: Reader): string | undefined {
  const list = vector(extension, 2)
  while (list.left() > 0) {
    const kind = list.number(1)
    const name = fromUtf8(list.take(list.number(2)))
    if (kind === 0) return name
  }
  return undefined
}

function protocolsOf(extension: Reader): readonly string[] {
  const list = vector(extension, 2)
  const protocols: string[] = []
  while (list.left() > 0) protocols.push(fromUtf8(list.take(list.number(1))))
  return protocols
}

function helloOf(message: Uint8Array): ClientHello {
  const reader = readerOf(message)
  // Version and random.
  reader.take(2 + 32)
  vector(reader, 1)
  vector(reader, 2)
  vector(reader, 1)
  let serverName: string | undefined
  let protocols: readonly string[] = []
  const extensions = reader.left() === 0 ? readerOf(new Uint8Array(0)) : vector(reader, 2)
  while (extensions.left() > 0) {
    const type = extensions.number(2)
    const extension = vector(extensions, 2)
    if (type === SERVER_NAME) serverName = serverNameOf(extension)
    else if (type === PROTOCOLS) protocols = protocolsOf(extension)
  }
  return { serverName, protocols }
}

/** `more` while the bytes are the beginning of one, `none` where they can't be. */
export function readClientHello(bytes: Uint8Array): ClientHello | 'more' | 'none' {
  try {
    const message = messageOf(bytes)
    if (message !== undefined) return helloOf(message)
    return bytes.length < clientHelloBytesMax ? 'more' : 'none'
  } catch {
    // Too short for what it announces, or a name that is no text.
    return 'none'
  }
}
