// A tar archive (POSIX ustar) in memory: the few files of a support bundle.

import { HoldfastError } from '../../shared/errors.ts'

const BLOCK = 512

function octal(value: number, width: number): string {
  return `${Math.floor(value)
    .toString(8)
    .padStart(width - 1, '0')}\0`
}

function header(name: string, size: number, mtimeS: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new HoldfastError('too-large', `the name ${name} is too long for tar`)
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0)
  block.write(octal(0o600, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(mtimeS, 12), 136)
  block.write(' '.repeat(8), 148)
  block.write('0', 156)
  block.write('ustar\x0000', 257)
  // The checksum counts its own field as spaces (POSIX.1-2017, pax, ustar interchange format).
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Files by name, in the order in which they are given. */
export function tarOf(files: ReadonlyMap<string, string>, mtimeMs: number): Uint8Array {
  const parts: Buffer[] = []
  for (const [name, text] of files) {
    const content = Buffer.from(text)
    parts.push(
      header(name, content.length, mtimeMs / 1_000),
      content,
      Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK),
    )
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}
