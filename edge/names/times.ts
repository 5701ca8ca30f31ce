// How long an answer may be remembered, read and set in its bytes: all else stays as another server said it. Pure.

/** RFC 1035 §4.1.1. */
const HEADER_BYTES = 12
/** Type, class, time and length of a record: RFC 1035 §4.1.3. */
const FIXED_BYTES = 10
/** Its time is none: RFC 6891 §6.1.3. */
const OPT = 41

/** Behind the name at `at`; undefined where it ends nowhere. A pointer ends it: RFC 1035 §4.1.4. */
function afterName(bytes: Buffer, at: number): number | undefined {
  for (let here = at; here < bytes.length; ) {
    const length = bytes[here] ?? 0
    if (length === 0) return here + 1
    if (length >= 0xc0) return here + 2
    if (length > 63) return undefined
    here += length + 1
  }
  return undefined
}

/** Behind the questions. */
export function afterQuestions(bytes: Buffer): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  let at = HEADER_BYTES
  for (let left = bytes.readUInt16BE(4); left > 0; left--) {
    const end = afterName(bytes, at)
    if (end === undefined || end + 4 > bytes.length) return undefined
    at = end + 4
  }
  return at
}

/** Where it stands in a packet: RFC 1035 §4.1.3. */
export interface RecordAt {
  readonly type: number
  readonly cls: number
  readonly timeAt: number
  readonly dataAt: number
  /** Of the data, in bytes. */
  readonly length: number
}

/** All of them, in order; undefined where it can't be read. */
export function recordsOf(bytes: Buffer): readonly RecordAt[] | undefined {
  let at = afterQuestions(bytes)
  if (at === undefined) return undefined
  const found: RecordAt[] = []
  for (let left = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10); left > 0; left--) {
    const end = afterName(bytes, at)
    if (end === undefined || end + FIXED_BYTES > bytes.length) return undefined
    const [dataAt, length] = [end + FIXED_BYTES, bytes.readUInt16BE(end + 8)]
    found.push({ type: bytes.readUInt16BE(end), cls: bytes.readUInt16BE(end + 2), timeAt: end + 4, dataAt, length })
    at = dataAt + length
    if (at > bytes.length) return undefined
  }
  return found
}

/** Where the times of its records are; undefined where it can't be read. */
function timesOf(bytes: Buffer): readonly number[] | undefined {
  return recordsOf(bytes)
    ?.filter(({ type }) => type !== OPT)
    .map(({ timeAt }) => timeAt)
}

/** Seconds that all of it may be remembered; undefined where nothing says so. */
export function leastTimeS(bytes: Buffer): number | undefined {
  const times = timesOf(bytes)
  if (times === undefined || times.length === 0) return undefined
  return Math.min(...times.map((at) => bytes.readUInt32BE(at)))
}

/** A copy with other times: RFC 1035 §3.2.1 has what is left of them be told. */
export function withTimes(bytes: Buffer, of: (timeS: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  for (const at of timesOf(bytes) ?? []) copy.writeUInt32BE(of(bytes.readUInt32BE(at)), at)
  return copy
}
