// Tar archives (POSIX ustar) in memory: a support bundle, a build of the program. Plain files in one directory, nothing else.

import { HoldfastError } from '../errors.ts'

const BLOCK = 512

export interface TarFile {
  readonly content: Uint8Array
  readonly executable: boolean
}

function octal(value: number, width: number): string {
  return `${Math.floor(value)
    .toString(8)
    .padStart(width - 1, '0')}\0`
}

/** The checksum counts its own field as spaces (POSIX.1-2017, pax, ustar interchange format). */
function checksum(block: Uint8Array): number {
  return block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0)
}

/** Of an entry that has `size` bytes behind it; `type` and `link` as ustar has them, a plain file where absent. */
export function tarHeader(name: string, size: number, mtimeS: number, mode: number, type = '0', link = ''): Buffer {
  if (Buffer.byteLength(name) > 100 || Buffer.byteLength(link) > 100)
    throw new HoldfastError('too-large', `the name ${name} is too long for tar`)
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0)
  block.write(octal(mode, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(mtimeS, 12), 136)
  block.write(type, 156)
  block.write(link, 157)
  block.write('ustar\x0000', 257)
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** What fills the last block of a file. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
}

interface Entry {
  readonly name: string
  readonly content: Uint8Array
  readonly mode: number
}

function pack(entries: readonly Entry[], mtimeMs: number): Uint8Array {
  const parts = entries.flatMap(({ content, mode, name }) => [
    tarHeader(name, content.length, mtimeMs / 1_000, mode),
    content,
    tarPadding(content.length),
  ])
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

/** Texts by name, in the order in which they are given; for their owner alone. */
export function tarOf(files: ReadonlyMap<string, string>, mtimeMs: number): Uint8Array {
  return pack(
    [...files].map(([name, text]) => ({ name, content: Buffer.from(text), mode: 0o600 })),
    mtimeMs,
  )
}

/** Files by name, without a time, so that the same files are the same bytes. */
export function packTar(files: ReadonlyMap<string, TarFile>): Uint8Array {
  return pack(
    [...files].map(([name, { content, executable }]) => ({ name, content, mode: executable ? 0o755 : 0o644 })),
    0,
  )
}

/** Names that lead nowhere but into the directory that they are unpacked to. */
const PLAIN = /^(?:\.\/)?([A-Za-z0-9][A-Za-z0-9._-]{0,99})$/

function words(block: Buffer, from: number, length: number): string {
  return block.toString('latin1', from, from + length).replace(/\0.*$/s, '')
}

/** NaN where it is no octal number. */
function number(block: Buffer, from: number, length: number): number {
  const found = /^ *([0-7]+)[\0 ]*$/.exec(block.toString('latin1', from, from + length))
  return found === null ? Number.NaN : Number.parseInt(found[1] ?? '', 8)
}

/** As `packTar` packed them, or anybody's `tar`. Throws `invalid` for what is anything but plain files; no content is copied. */
export function readTar(bytes: Uint8Array, filesMax: number): ReadonlyMap<string, TarFile> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const files = new Map<string, TarFile>()
  const refuse = (why: string): never => {
    throw new HoldfastError('invalid', `the archive ${why}`)
  }
  for (let at = 0; ; ) {
    const block = whole.subarray(at, at + BLOCK)
    if (block.length < BLOCK) return refuse('ends in the middle')
    if (block.every((byte) => byte === 0)) return files
    if (number(block, 148, 8) !== checksum(block)) refuse('is damaged')
    const size = number(block, 124, 12)
    const type = block.toString('latin1', 156, 157)
    const name = PLAIN.exec(words(block, 0, 100))?.[1]
    at += BLOCK
    // `tar` lists the directory, too, when it was given one.
    if (type === '5' && size === 0) continue
    if ((type !== '0' && type !== '\0') || name === undefined || block[345] !== 0)
      return refuse('holds more than files')
    if (!(size >= 0) || at + size > whole.length) refuse('ends in the middle')
    if (files.has(name) || files.size === filesMax) refuse(`names ${name} twice, or too many files`)
    const executable = (number(block, 100, 8) & 0o100) !== 0
    files.set(name, { content: whole.subarray(at, at + size), executable })
    at += Math.ceil(size / BLOCK) * BLOCK
  }
}
