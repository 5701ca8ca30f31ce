// A build on its way into a slot: what is good arrives whole, what is not changes nothing.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { packTar, type TarFile } from '../../shared/host/tar.ts'
import { updatable } from '../update/candidate.ts'
import { type LayOptions, layBuild } from './lay-build.ts'
import { homeFiles } from './program-home.ts'

/** A program that answers as a build does. */
const program = (said: object): string => `#!/bin/sh\necho '${JSON.stringify(said)}'\n`
const good = program({ program: 'holdfast', version: '2.0.0', ...updatable })
const file = (content: string | Uint8Array, executable = false): TarFile => ({
  content: typeof content === 'string' ? utf8(content) : content,
  executable,
})
const packed = (files: Readonly<Record<string, TarFile>>): Uint8Array =>
  gzipSync(packTar(new Map(Object.entries(files))))
const squeezed = (content: string | Uint8Array): Buffer =>
  zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })

const hex = (content: string | Uint8Array): string =>
  toHex(sha256(typeof content === 'string' ? utf8(content) : content))
const refuse = (error: HoldfastError) => (): never => {
  throw error
}

/** The header of a 64-bit little-endian ELF file for that processor. */
function elf(machine: number): Uint8Array {
  const head = new Uint8Array(64)
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  head[18] = machine
  return head
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  return Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ 0xff : byte))
}

interface Bench {
  /** The reason why it was refused, with its code; or the version that was laid. */
  readonly lay: (content: string | Uint8Array, change?: Partial<LayOptions>, known?: string) => Promise<string>
  readonly versions: string
}

async function withHome(run: (bench: Bench) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-lay-'))
  const home = homeFiles(directory)
  for (const slot of ['a', 'b'] as const) {
    mkdirSync(home.slot(slot), { recursive: true })
    writeFileSync(join(home.slot(slot), 'holdfast'), `old ${slot}`)
  }
  const from = join(directory, 'file')
  const options: LayOptions = {
    file: from,
    home,
    slot: 'b',
    arch: 'x64',
    run: async ([path = '', ...args]) => {
      const { error, status, stdout } = spawnSync(path, args, { encoding: 'utf8' })
      if (error === undefined && status === 0) return stdout
      throw new HoldfastError('failed', error?.message ?? `exit code ${status}`)
    },
    freeBytes: () => undefined,
    judgeFile: () => undefined,
    judge: () => undefined,
  }
  try {
    await run({
      versions: home.versions,
      async lay(content, change = {}, known = hex(content)) {
        writeFileSync(from, content)
        try {
          const laid = await layBuild({ ...options, ...change })
          assert.is(laid.sha256, known)
          return laid.version
        } catch (error) {
          if (!(error instanceof HoldfastError)) throw error
          assert.ok(error.remedy !== undefined, error.message)
          return `${error.code}: ${error.message}`
        }
      },
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function inSlot(versions: string, slot: string): string {
  return readdirSync(join(versions, slot)).sort().join(' ')
}

test('a packed build arrives with every file; what lay in the slot is gone, the other slot is as it was', () =>
  withHome(async ({ lay, versions }) => {
    const build = packed({ holdfast: file(good, true), 'holdfast.mjs': file('code'), 'sqlite.node': file(elf(62)) })
    assert.is(await lay(build), '2.0.0')
    assert.is(inSlot(versions, 'b'), 'build.json holdfast holdfast.mjs sqlite.node')
    assert.is(statSync(join(versions, 'b/holdfast')).mode & 0o777, 0o755)
    assert.equal(JSON.parse(readFileSync(join(versions, 'b/build.json'), 'utf8')), {
      version: '2.0.0',
      sha256: toHex(sha256(build)),
    })
    assert.is(readFileSync(join(versions, 'a/holdfast'), 'utf8'), 'old a')
    assert.is(inSlot(versions, '.'), 'a b')
  }))

test('one executable is a build, too, and anybody may call it, whoever laid it', () =>
  withHome(async ({ lay, versions }) => {
    const before = process.umask(0o077)
    try {
      assert.is(await lay(good), '2.0.0')
    } finally {
      process.umask(before)
    }
    for (const path of ['b', 'b/holdfast']) assert.is(statSync(join(versions, path)).mode & 0o777, 0o755)
    assert.is(inSlot(versions, 'b'), 'build.json holdfast')
  }))

test('one executable behind gzip is the same build as without; both of its digests are told', () =>
  withHome(async ({ lay, versions }) => {
    const told: unknown[] = []
    const packedOne = gzipSync(good)
    const judgeFile: LayOptions['judgeFile'] = (digests) => void told.push(digests)
    assert.is(await lay(packedOne, { judgeFile }, hex(good)), '2.0.0')
    assert.is(inSlot(versions, 'b'), 'build.json holdfast')
    assert.is(statSync(join(versions, 'b/holdfast')).mode & 0o777, 0o755)
    assert.is(readFileSync(join(versions, 'b/holdfast'), 'utf8'), good)
    assert.equal(told, [{ file: hex(packedOne), build: hex(good), bytes: packedOne.length }])
  }))

test('nor is it another by Zstandard', () =>
  withHome(async ({ lay, versions }) => {
    assert.is(await lay(squeezed(good), {}, hex(good)), '2.0.0')
    assert.is(readFileSync(join(versions, 'b/holdfast'), 'utf8'), good)
  }))

const large = new Uint8Array([...utf8(good), ...randomBytes(200_000)])
const [long, longSqueezed] = [gzipSync(large), squeezed(large)]
for (const [what, content, expected, change] of [
  ['nothing', '', 'invalid: the file is no build of Holdfast: it is empty', {}],
  ['a page', '<html>404</html>', 'invalid: the file is no build of Holdfast: it is neither packed nor a program', {}],
  ['a torn archive', packed({ holdfast: file(good, true) }).subarray(0, 60), 'invalid: .*does not unpack', {}],
  ['some archive', packed({ readme: file('x') }), 'invalid: .*there is no program holdfast in it', {}],
  ['a program that is none', packed({ holdfast: file(good) }), 'invalid: .*there is no program holdfast in it', {}],
  ['another program', '#!/bin/sh\necho hello\n', 'unsupported: the file does not answer', {}],
  ['one that fails', '#!/bin/sh\nexit 3\n', 'unsupported: the new version does not start here: exit code 3', {}],
  ['another processor’s program', elf(183), 'unsupported: holdfast is made for arm64, and this device is x64', {}],
  [
    'another processor’s library',
    packed({ holdfast: file(good, true), 'sqlite.node': file(elf(183)) }),
    'unsupported: sqlite.node is made for arm64',
    {},
  ],
  [
    'another file',
    good,
    'untrusted: not that one',
    { judgeFile: refuse(new HoldfastError('untrusted', 'not that one', { remedy: 'Bring it again.' })) },
  ],
  ['a packed program that is cut short', long.subarray(0, 100_000), 'invalid: .*does not unpack', {}],
  ['a packed program cut to its head', long.subarray(0, 6_000), 'invalid: .*does not unpack', {}],
  ['a packed program with a changed byte', changed(long, 150_000), 'invalid: .*does not unpack', {}],
  ['another processor’s program, packed', gzipSync(elf(183)), 'unsupported: holdfast is made for arm64', {}],
  ['a packed page', gzipSync('<html>404</html>'), 'invalid: .*the archive ends in the middle', {}],
  ['a squeezed program that is cut short', longSqueezed.subarray(0, 100_000), 'invalid: .*does not unpack', {}],
  ['a squeezed program cut to its head', longSqueezed.subarray(0, 12), 'invalid: .*does not unpack', {}],
  ['a squeezed program with a changed byte', changed(longSqueezed, 150_000), 'invalid: .*does not unpack', {}],
  ['another processor’s program, squeezed', squeezed(elf(183)), 'unsupported: holdfast is made for arm64', {}],
  ['a squeezed page', squeezed('<html>404</html>'), 'unsupported: ', {}],
  [
    'a squeezed program that the disk has no space for',
    squeezed(new Uint8Array([...utf8(good), ...new Uint8Array(40 << 20)])),
    'failed: there is no space in .*: 57 MiB are needed, 20 are free',
    { freeBytes: () => 20 << 20 },
  ],
  [
    'a packed program that the disk has no space for',
    gzipSync(new Uint8Array([...utf8(good), ...new Uint8Array(40 << 20)])),
    'failed: there is no space in .*: 57 MiB are needed, 20 are free',
    { freeBytes: () => 20 << 20 },
  ],
  [
    'too much for the disk',
    good,
    'failed: there is no space in .*: 17 MiB are needed, 1 are free',
    { freeBytes: () => 4_096 },
  ],
  [
    'more than the disk has once unpacked',
    packed({ holdfast: file(good, true), big: file(new Uint8Array(8 << 20)) }),
    'failed: there is no space in .*: 25 MiB are needed, 18 are free',
    { freeBytes: () => 18 << 20 },
  ],
  [
    'one that is objected to',
    good,
    'conflict: too old',
    { judge: refuse(new HoldfastError('conflict', 'too old', { remedy: 'Take a newer one.' })) },
  ],
] as const satisfies readonly (readonly [string, string | Uint8Array, string, Partial<LayOptions>])[]) {
  test(`${what} is refused, and nothing is changed`, () =>
    withHome(async ({ lay, versions }) => {
      assert.match(await lay(content, change), new RegExp(`^${expected}`))
      assert.is(inSlot(versions, '.'), 'a b')
      for (const slot of ['a', 'b']) assert.is(readFileSync(join(versions, slot, 'holdfast'), 'utf8'), `old ${slot}`)
    }))
}

test('a file that is not there is named', () =>
  withHome(async ({ lay, versions }) => {
    const missing = join(versions, 'nowhere')
    assert.match(await lay(good, { file: missing }), /failed: cannot read .*nowhere/)
    assert.not.ok(existsSync(join(versions, 'draft')))
  }))

test.run()
