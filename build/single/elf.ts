// Puts Node's single-executable blob into an ELF file: as a note (`NODE_SEA_BLOB`) in a segment of its own, and the fuse set
// that tells Node to look for it. Pure: bytes in, bytes out.
//
// By hand and not by postject: it aligns the segment to 4 KiB, and kernels with pages of 16 and 64 KiB (Raspberry Pi 5) don't
// map such a file; and it rewrites the whole file. Here all that was there stays where it was: the table of segments is as long
// as before. The entry that describes the table itself makes place for ours; in a file with fixed addresses nobody needs it.

import { HoldfastError } from '../../shared/errors.ts'

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:'
const NOTE = 'NODE_SEA_BLOB'
/** The largest page of any processor here; a segment starts on one. */
const PAGE_BYTES = 65_536
/** Sizes and types of ELF-64 (System V ABI, chapters 4 and 5). */
const HEADER_BYTES = 64
const ENTRY_BYTES = 56
const NOTE_HEADER_BYTES = 12
const ET_EXEC = 2
const [PT_LOAD, PT_NOTE, PT_PHDR] = [1, 4, 6]
const PF_R = 4

interface Segment {
  readonly type: number
  readonly bytes: Buffer
}

function refuse(why: string): HoldfastError {
  return new HoldfastError('unsupported', `the base of a single file can't be taken: ${why}`, {
    remedy: 'It is Node as its publisher builds it for Linux, 64 bit, little-endian. See build/single/base.ts.',
  })
}

function segmentsOf(elf: Buffer): Segment[] {
  if (elf.length < HEADER_BYTES || elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1)
    throw refuse('it is no ELF file of that kind')
  if (elf.readUInt16LE(16) !== ET_EXEC) throw refuse('its addresses are not fixed')
  if (elf.readUInt16LE(54) !== ENTRY_BYTES) throw refuse('its segments have another size')
  const [at, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(56)]
  return Array.from({ length: count }, (_, i) => {
    const bytes = elf.subarray(at + i * ENTRY_BYTES, at + (i + 1) * ENTRY_BYTES)
    return { type: bytes.readUInt32LE(0), bytes }
  })
}

function upTo(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}

function segment(
  type: number,
  at: { readonly offset: number; readonly address: number },
  size: number,
  align: number,
): Segment {
  const bytes = Buffer.alloc(ENTRY_BYTES)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(PF_R, 4)
  bytes.writeBigUInt64LE(BigInt(at.offset), 8)
  bytes.writeBigUInt64LE(BigInt(at.address), 16)
  bytes.writeBigUInt64LE(BigInt(at.address), 24)
  bytes.writeBigUInt64LE(BigInt(size), 32)
  bytes.writeBigUInt64LE(BigInt(size), 40)
  bytes.writeBigUInt64LE(BigInt(align), 48)
  return { type, bytes }
}

function noteOf(blob: Uint8Array): Buffer {
  const name = Buffer.alloc(upTo(NOTE.length + 1, 4))
  name.write(NOTE)
  const header = Buffer.alloc(NOTE_HEADER_BYTES)
  header.writeUInt32LE(NOTE.length + 1, 0)
  header.writeUInt32LE(blob.length, 4)
  return Buffer.concat([header, name, blob, Buffer.alloc(upTo(blob.length, 4) - blob.length)])
}

/** Programs that Node looks for its blob with read the table in order, and the kernel wants what it loads by rising address. */
function withOurs(segments: readonly Segment[], load: Segment, note: Segment): readonly Segment[] {
  const last = segments.findLastIndex(({ type }) => type === PT_LOAD)
  const notes = segments.filter(({ type }) => type === PT_NOTE).length
  if (last === -1 || notes !== 1 || segments.filter(({ type }) => type === PT_PHDR).length !== 1)
    throw refuse('its segments are not as expected')
  return segments.flatMap((one, at) => {
    if (one.type === PT_PHDR) return []
    if (one.type === PT_NOTE) return [note]
    return at === last ? [one, load] : [one]
  })
}

function setFuse(elf: Buffer): void {
  const at = elf.indexOf(`${FUSE}0`)
  if (at === -1 || elf.indexOf(`${FUSE}0`, at + 1) !== -1) throw refuse('it has no fuse for a blob, or several')
  elf[at + FUSE.length] = '1'.charCodeAt(0)
}

/** A new file; `elf` is left as it is. */
export function injectBlob(elf: Uint8Array, blob: Uint8Array): Uint8Array {
  const offset = upTo(elf.length, PAGE_BYTES)
  const note = noteOf(blob)
  const made = Buffer.alloc(offset + note.length)
  made.set(elf)
  made.set(note, offset)
  const segments = segmentsOf(made)
  const ends = segments.map(({ bytes }) => Number(bytes.readBigUInt64LE(16) + bytes.readBigUInt64LE(40)))
  const at = { offset, address: upTo(Math.max(0, ...ends), PAGE_BYTES) }
  const table = withOurs(segments, segment(PT_LOAD, at, note.length, PAGE_BYTES), segment(PT_NOTE, at, note.length, 4))
  made.set(Buffer.concat(table.map(({ bytes }) => bytes)), Number(made.readBigUInt64LE(32)))
  setFuse(made)
  return made
}
