// Packages as dpkg reads them: what is in them, who owns it, and that the same parts are the same bytes.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { type DebOptions, debOf } from './deb.ts'
import { agentPackage, hubPackage, packageName } from './packages.ts'
import { file, link, packedTarOfTree, type Tree, tarOfTree, text } from './tree.ts'

const MTIME_S = 1_795_305_600
const program = Buffer.from('a program '.repeat(20_000))
const tree: Tree = new Map([
  ['usr/bin/x', { kind: 'file', content: program, mode: 0o755, packed: gzipSync(program) }],
  ['etc/x/settings', text('a: 1\n')],
  ['usr/bin/y', link('x')],
])
const options: DebOptions = {
  control: new Map([
    ['Package', 'x'],
    ['Version', '1.0+a'],
    ['Architecture', 'amd64'],
    ['Maintainer', 'X <x@x.invalid>'],
    ['Description', 'x\n more of it'],
  ]),
  scripts: new Map([['postinst', '#!/bin/sh\n']]),
  conffiles: ['etc/x/settings'],
  data: tree,
  mtimeS: MTIME_S,
}

function withFile<T>(content: Uint8Array, use: (path: string, directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'hf-deb-'))
  try {
    const path = join(directory, 'x.deb')
    writeFileSync(path, content)
    return use(path, directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function run(command: string, ...words: readonly string[]): string {
  return execFileSync(command, words, { encoding: 'utf8', env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' } })
}

test('dpkg reads name, files, owners, modes and scripts', () => {
  withFile(debOf(options), (path, directory) => {
    assert.match(
      run('dpkg-deb', '-f', path),
      /Package: x\nVersion: 1\.0\+a\n[^]*Description: x\n more of it\nInstalled-Size: 198/,
    )
    const listed = run('dpkg-deb', '-c', path)
    assert.match(listed, /drwxr-xr-x 0\/0 +0 2026-11-22 00:00 \.\/usr\/bin\/\n/)
    assert.match(listed, /-rwxr-xr-x 0\/0 +200000 2026-11-22 00:00 \.\/usr\/bin\/x\n/)
    assert.match(listed, /l.* \.\/usr\/bin\/y -> x\n/)
    assert.is(run('dpkg-deb', '-I', path, 'conffiles'), '/etc/x/settings\n')
    assert.match(run('dpkg-deb', '-I', path, 'md5sums'), /^[0-9a-f]{32} {2}usr\/bin\/x\n$/)
    run('dpkg-deb', '-R', path, join(directory, 'all'))
    assert.equal(readFileSync(join(directory, 'all/usr/bin/x')), program)
    assert.is(readFileSync(join(directory, 'all/DEBIAN/postinst'), 'utf8'), '#!/bin/sh\n')
  })
})

test('the same parts are the same bytes, in whatever order they are named', () => {
  const other = { ...options, data: new Map([...tree].toReversed()) }
  assert.equal(Buffer.from(debOf(other)), Buffer.from(debOf(options)))
})

test('what was packed before is the same archive when unpacked', () => {
  const { bytes } = packedTarOfTree(tree, MTIME_S, './')
  assert.ok(gunzipSync(bytes).equals(tarOfTree(tree, MTIME_S, './')))
})

test('a settings file that is not there, and a field that would end the control file, are refused', () => {
  const refused = (change: Partial<DebOptions>): string => {
    try {
      debOf({ ...options, ...change })
    } catch (error) {
      if (error instanceof HoldfastError) return error.message
      throw error
    }
    return 'taken'
  }
  assert.match(refused({ conffiles: ['etc/other'] }), 'lists etc/other')
  assert.match(refused({ control: new Map([['Description', 'x\nPackage: y']]) }), 'Description')
})

const parts = {
  target: 'linux-arm64',
  version: '1.2.3+abc',
  glibc: '2.34',
  mtimeS: MTIME_S,
  program,
  programGz: gzipSync(program),
  licences: 'of others\n',
  pages: { man: '.TH X 1\n', bash: 'complete\n', zsh: '#compdef\n', fish: 'complete\n' },
} as const

test('the packages hold what a device and a hub need', () => {
  const agent = agentPackage({ ...parts, manifest: Buffer.from('{}'), signature: Buffer.alloc(64), keys: 'PEM\n' })
  assert.is(packageName('holdfast', parts), 'holdfast_1.2.3+abc_arm64.deb')
  withFile(agent, (path, directory) => {
    assert.match(
      run('dpkg-deb', '-f', path, 'Depends'),
      /libc6 \(>= 2\.34\), .*wireguard-tools, nftables, iproute2, netbase/,
    )
    run('dpkg-deb', '-R', path, join(directory, 'all'))
    const at = (name: string): Buffer => readFileSync(join(directory, 'all', name))
    assert.equal(gunzipSync(at('usr/lib/holdfast/holdfast.gz')), program)
    assert.is(at('usr/lib/holdfast/version').toString(), '1.2.3+abc\n')
    assert.match(at('usr/lib/systemd/system/holdfast.service').toString(), 'ExecStart=/opt/holdfast/start agent')
    for (const script of ['postinst', 'prerm', 'postrm']) run('sh', '-n', join(directory, 'all/DEBIAN', script))
    assert.match(run('dpkg-deb', '-I', path, 'conffiles'), '/etc/holdfast/release-keys.pem\n')
  })
  withFile(hubPackage(parts), (path, directory) => {
    run('dpkg-deb', '-R', path, join(directory, 'all'))
    assert.equal(readFileSync(join(directory, 'all/usr/bin/holdfast-hub')), program)
    for (const script of ['postinst', 'prerm', 'postrm']) run('sh', '-n', join(directory, 'all/DEBIAN', script))
  })
})

test('a file without its packed form is packed with the rest', () => {
  const plain: Tree = new Map([['a', file(program)]])
  assert.ok(gunzipSync(packedTarOfTree(plain, 0).bytes).equals(tarOfTree(plain, 0)))
})

test.run()
