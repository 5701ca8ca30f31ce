// Which server a TLS client asks for, from the first bytes it sends, before anything is secret: RFC 8446 §4.1.2 and §5.1,
// RFC 6066 §3. Strict: what is not wholly a ClientHello is refused rather than guessed at. It may come in many records and many
// segments; one with a post-quantum key share is longer than a segment anyway. Pure.

export type Hello =
  /** So many bytes from the start are needed before more can be said. */
  { readonly need: number } | { readonly serverName: string } | { readonly refused: string }

/** Of a whole ClientHello with its records: a few KiB with post-quantum keys; other proxies have room for as many. */
export const helloBytesMax = 16_384

const RECORD_HEAD = 5
const HANDSHAKE = 22
const CLIENT_HELLO = 1
/** RFC 8446 §5.1. */
const RECORD_MAX = 16_384
const RANDOM = 32
const SESSION_ID_MAX = 32
const SERVER_NAME = 0
const HOST_NAME = 0

class Malformed extends Error {}

/** Reads forward; throws `Malformed` beyond the end. */
class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  number(width: 1 | 2 | 3): number {
    let value = 0
    for (const byte of this.take(width)) value = value * 256 + byte
    return value
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new Malformed('it ends too early')
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }

  /** A vector with its length in front: of `min` to `max` bytes. */
  vector(width: 1 | 2, min: number, max = 65_535): Uint8Array {
    const length = this.number(width)
    if (length < min || length > max) throw new Malformed('a length in it is out of bounds')
    return this.take(length)
  }

  end(): void {
    if (this.left > 0) throw new Malformed('something follows its end')
  }
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/** As RFC 6066 wants it: a DNS name in ASCII without a trailing dot, and no address. */
function parseHost(bytes: Uint8Array): string {
  const name = String.fromCharCode(...bytes.subarray(0, 256)).toLowerCase()
  const labels = name.split('.')
  const isName = bytes.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  if (!isName) throw new Malformed('the name in it is not a host name')
  return name
}

function parseServerName(data: Uint8Array): string {
  const outer = new Reader(data)
  const list = new Reader(outer.vector(2, 1))
  outer.end()
  let host: string | undefined
  while (list.left > 0) {
    const type = list.number(1)
    const name = list.vector(2, 1)
    if (type !== HOST_NAME) continue
    if (host !== undefined) throw new Malformed('it names two servers')
    host = parseHost(name)
  }
  if (host === undefined) throw new Malformed('it names no server')
  return host
}

function parseBody(body: Uint8Array): string {
  const reader = new Reader(body)
  if (reader.number(1) !== 3) throw new Malformed('it is of another protocol')
  reader.take(1 + RANDOM)
  reader.vector(1, 0, SESSION_ID_MAX)
  if (reader.vector(2, 2).length % 2 !== 0) throw new Malformed('its list of ciphers is odd')
  reader.vector(1, 1)
  if (reader.left === 0) throw new Malformed('it names no server')
  const extensions = new Reader(reader.vector(2, 0))
  reader.end()
  const seen = new Set<number>()
  let serverName: string | undefined
  while (extensions.left > 0) {
    const type = extensions.number(2)
    const data = extensions.vector(2, 0)
    if (seen.has(type)) throw new Malformed('it has an extension twice')
    seen.add(type)
    if (type === SERVER_NAME) serverName = parseServerName(data)
  }
  if (serverName === undefined) throw new Malformed('it names no server')
  return serverName
}

/** What the records carry, as far as they are there; the number of bytes that are needed for more. */
function unpack(bytes: Uint8Array): { readonly carried: Uint8Array; readonly need: number } {
  const parts: Uint8Array[] = []
  let at = 0
  while (bytes.length - at >= RECORD_HEAD) {
    const head = new Reader(bytes.subarray(at, at + RECORD_HEAD))
    if (head.number(1) !== HANDSHAKE || head.number(1) !== 3) throw new Malformed('it is not TLS')
    head.take(1)
    const length = head.number(2)
    if (length < 1 || length > RECORD_MAX) throw new Malformed('a record has no such length')
    if (bytes.length - at - RECORD_HEAD < length) return { carried: join(parts), need: at + RECORD_HEAD + length }
    parts.push(bytes.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length))
    at += RECORD_HEAD + length
    if (isWhole(parts)) break
  }
  return { carried: join(parts), need: at + RECORD_HEAD }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only, more] = parts
  if (only !== undefined && more === undefined) return only
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The message they carry is all there. */
function isWhole(parts: readonly Uint8Array[]): boolean {
  const carried = join(parts)
  return carried.length >= 4 && carried.length >= 4 + new Reader(carried.subarray(1, 4)).number(3)
}

/** `bytes`: all that came so far. Of any length; looks at `helloBytesMax` of them at most. */
export function readHello(bytes: Uint8Array): Hello {
  try {
    // One byte says already that it is something else, which would wait for an answer for ever.
    if (bytes.length > 0 && bytes[0] !== HANDSHAKE) throw new Malformed('it is not TLS')
    const { carried, need } = unpack(bytes.subarray(0, helloBytesMax))
    if (carried.length > 0 && carried[0] !== CLIENT_HELLO) throw new Malformed('it begins with another message')
    const length = carried.length < 4 ? undefined : new Reader(carried.subarray(1, 4)).number(3)
    if (length !== undefined && 4 + length > helloBytesMax) throw new Malformed('it is too long')
    if (length !== undefined && carried.length > 4 + length) throw new Malformed('something follows its end')
    if (length !== undefined && carried.length === 4 + length) return { serverName: parseBody(carried.subarray(4)) }
    if (need > helloBytesMax) throw new Malformed('it is too long')
    return { need }
  } catch (error) {
    if (error instanceof Malformed) return { refused: error.message }
    throw error
  }
}
