// A file that should be a build becomes what lies in a slot. A single program, packed or not, goes from disk to disk in parts: it
// has a hundred megabytes, and devices have little memory. A packed directory is small, and unpacked at once.

import { createHash } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { constants, createGunzip, createZstdDecompress, gunzipSync } from 'node:zlib'
import { HoldfastError } from '../../shared/errors.ts'
import { readTar, type TarFile } from '../../shared/host/tar.ts'
import { updateFileBytesMax, updateFilesMax, updateUnpackedBytesMax } from '../../shared/update-limits.ts'
import { checkFiles, kindOf, notHoldfast, programName } from '../update/package.ts'

/** Of a file, to see what it is; of what comes out of a packed one, too. */
const HEAD_BYTES = 4_096

/** Where it is unpacked to, and for whom. */
export interface Unpacking {
  readonly into: string
  readonly arch: string
  /** Throws where the disk has not so much to spare. */
  readonly needSpace: (bytes: number) => void
}

/** Lower-case hex. */
export interface Digests {
  /** Of the file as it came. */
  readonly file: string
  /** What the build is known by: of the program itself where it is one, packed or not; else of the file. */
  readonly build: string
  /** Of the file. */
  readonly bytes: number
}

function readAt(path: string, at: number, length: number): Uint8Array {
  const file = openSync(path, 'r')
  try {
    const part = Buffer.alloc(length)
    return part.subarray(0, readSync(file, part, 0, length, at))
  } finally {
    closeSync(file)
  }
}

/** The first bytes behind gzip; empty where it does not unpack at all. */
function unpackedHead(head: Uint8Array): Uint8Array {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, 64)
  } catch {
    return new Uint8Array(0)
  }
}

/** Writes a file that a power cut keeps. */
export function writeSynced(path: string, content: Uint8Array, mode: number): void {
  const file = openSync(path, 'wx', mode)
  try {
    // Whatever the umask of a service: people call the program, too.
    fchmodSync(file, mode)
    for (let at = 0; at < content.length; ) at += writeSync(file, content, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** As `writeSynced`, in parts, so that nobody waits for the disk. Returns the digest of what was written. */
async function pour(from: AsyncIterable<Buffer>, to: string, bytesMax: number): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(to, 'wx', 0o755)
  let bytes = 0
  try {
    await file.chmod(0o755)
    for await (const part of from) {
      if (bytes + part.length > bytesMax)
        throw new HoldfastError('too-large', `the program is larger than ${bytesMax >> 20} MiB`)
      hash.update(part)
      for (let done = 0; done < part.length; ) {
        const { bytesWritten } = await file.write(part, done, part.length - done, bytes + done)
        done += bytesWritten
      }
      bytes += part.length
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

/** Passes on what it counts: what is judged is what was read, also of a file that changes meanwhile. */
async function* counted(file: string, seen: { bytes: number }, hash: ReturnType<typeof createHash>) {
  for await (const part of createReadStream(file) as AsyncIterable<Buffer>) {
    seen.bytes += part.length
    if (seen.bytes > updateFileBytesMax) throw new HoldfastError('too-large', `${file} grows while it is read`)
    hash.update(part)
    yield part
  }
}

function torn(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error
  return notHoldfast(`it does not unpack: ${(error as Error).message}`)
}

type Packing = 'gzip' | 'zstd'

/** What the unpacker has to say of a stream; what the disk says goes on as it is. */
async function* unpacked(from: AsyncIterable<Buffer>, packing: Packing): AsyncGenerator<Buffer> {
  const source: Readable = Readable.from(from)
  const unpacker = packing === 'gzip' ? createGunzip() : createZstdDecompress()
  source.once('error', (error) => unpacker.destroy(error))
  try {
    yield* source.pipe(unpacker) as AsyncIterable<Buffer>
  } catch (error) {
    throw /^Z(?:STD)?_/.test((error as NodeJS.ErrnoException).code ?? '') ? torn(error) : error
  } finally {
    source.destroy()
  }
}

async function layProgram(file: string, packing: Packing | undefined, { arch, into }: Unpacking): Promise<Digests> {
  const [seen, hash] = [{ bytes: 0 }, createHash('sha256')]
  const source = counted(file, seen, hash)
  const path = join(into, programName)
  const build = await pour(packing === undefined ? source : unpacked(source, packing), path, updateUnpackedBytesMax)
  // Of what was written, whatever the file was when it was looked at.
  checkFiles(new Map([[programName, { content: readAt(path, 0, HEAD_BYTES), executable: true }]]), arch)
  return { file: hash.digest('hex'), build, bytes: seen.bytes }
}

function unpackDirectory(packed: Uint8Array): ReadonlyMap<string, TarFile> {
  try {
    return readTar(gunzipSync(packed, { maxOutputLength: updateUnpackedBytesMax }), updateFilesMax)
  } catch (error) {
    throw error instanceof HoldfastError ? notHoldfast(error.message) : torn(error)
  }
}

function layDirectory(file: string, { arch, into, needSpace }: Unpacking): Digests {
  const packed = readFileSync(file)
  const files = unpackDirectory(packed)
  checkFiles(files, arch)
  needSpace([...files.values()].reduce((sum, { content }) => sum + content.length, 0))
  for (const [name, { content, executable }] of files)
    writeSynced(join(into, name), content, executable ? 0o755 : 0o644)
  const sha256 = createHash('sha256').update(packed).digest('hex')
  return { file: sha256, build: sha256, bytes: packed.length }
}

/** What a file comes to, modulo 4 GiB, stands at its end (RFC 1952 §2.3.1); one that is cut short says anything. */
function gzipLength(end: Uint8Array): number {
  return Buffer.from(end).readUInt32LE()
}

/** What a frame comes to, where it says so: 1, 2, 4 or 8 bytes in its header (RFC 8878 §3.1.1.1); else 0. */
function zstdLength(head: Uint8Array): number {
  const bytes = Buffer.from(head)
  const descriptor = bytes[4] ?? 0
  const isSingle = (descriptor & 0x20) !== 0
  const at = 5 + (isSingle ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0)
  if (bytes.length < at + 8) return 0
  switch (descriptor >> 6) {
    case 0:
      return isSingle ? bytes.readUInt8(at) : 0
    case 1:
      return bytes.readUInt16LE(at) + 256
    case 2:
      return bytes.readUInt32LE(at)
    default:
      return Number(bytes.readBigUInt64LE(at))
  }
}

/** Throws with the reason; what lies in `into` by then means nothing. */
export async function unpackBuild(file: string, size: number, unpacking: Unpacking): Promise<Digests> {
  const head = readAt(file, 0, HEAD_BYTES)
  const kind = kindOf(head)
  if (kind === undefined) throw notHoldfast('it is neither packed nor a program')
  if (kind === 'executable') {
    checkFiles(new Map([[programName, { content: head, executable: true }]]), unpacking.arch)
    unpacking.needSpace(size)
    return await layProgram(file, undefined, unpacking)
  }
  if (kind === 'gzip' && kindOf(unpackedHead(head)) !== 'executable') return layDirectory(file, unpacking)
  const length = kind === 'gzip' ? gzipLength(readAt(file, size - 4, 4)) : zstdLength(head)
  unpacking.needSpace(Math.min(length, updateUnpackedBytesMax))
  return await layProgram(file, kind, unpacking)
}
