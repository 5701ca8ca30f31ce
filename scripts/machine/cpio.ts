// An archive as the kernel unpacks it at boot: "newc" of cpio, from Documentation/driver-api/early-userspace/buffer-format.rst.

import { utf8 } from '../../shared/bytes.ts'

export interface CpioEntry {
  /** Without a slash in front; the directory of an entry comes before it. */
  readonly path: string
  /** Absent: a directory. */
  readonly content?: Uint8Array
}

const DIRECTORY = 0o040_755
const PROGRAM = 0o100_755
const TRAILER = 'TRAILER!!!'

function padded(size: number): number {
  return Math.ceil(size / 4) * 4
}

/** Every file may be run. One archive may follow another: the kernel unpacks all of them in turn. */
export function packCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = []
  const add = (bytes: Uint8Array): void => {
    const part = new Uint8Array(padded(bytes.length))
    part.set(bytes)
    parts.push(part)
  }
  for (const [i, { content, path }] of [...entries, { path: TRAILER, content: new Uint8Array() }].entries()) {
    const name = utf8(`${path}\0`)
    const size = content?.length ?? 0
    // inode, mode, uid, gid, links, mtime, size, device twice, special device twice, length of the name, checksum
    const fields = [i + 1, content === undefined ? DIRECTORY : PROGRAM, 0, 0, 1, 0, size, 0, 0, 0, 0, name.length, 0]
    const header = utf8(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
    add(new Uint8Array([...header, ...name]))
    if (content !== undefined) add(content)
  }
  return Buffer.concat(parts)
}
