// What a virtual machine starts from: Debian's own kernel, its modules, and the little that finds the files of this machine.
// Made once, outside of the checkout; remove the directory to have it made anew, with the newest kernel.

import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { run } from '../laboratory/command.ts'
import type { Architecture } from './architecture.ts'
import { packCpio } from './cpio.ts'
import { type Archive, openArchive } from './debian.ts'
import { guestInit, NEEDED_MODULES } from './guest.ts'

/** Of what is laid there, and how: another number is another directory. */
const EDITION = 1
/** Programs of a machine of another processor: what the lab, the agent and people at a shell need. */
const USERLAND = `bash dash coreutils util-linux mount grep sed gawk findutils procps hostname libc-bin libstdc++6
  iproute2 iputils-ping kmod nftables wireguard-tools conntrack curl`
const UNPACKED_MAX = 256 << 20

export interface System {
  readonly kernel: string
  readonly initramfs: string
  /** Directory with the kernel's modules; what `uname -r` says is its name. */
  readonly modules: string
  /** What is below the guest's files: `/`, or a userland of its processor. */
  readonly root: string
}

function decompressed(bytes: Uint8Array): Uint8Array {
  return spawnSync('xz', ['-dc', '--single-stream'], { input: bytes, maxBuffer: UNPACKED_MAX }).stdout
}

/** The kernel inside bzImage, where it is packed by xz: an emulated processor would take seconds to unpack it. */
function plainKernel(image: Uint8Array): Uint8Array {
  const magic = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)
  const all = Buffer.from(image)
  for (let at = all.indexOf(magic); at >= 0; at = all.indexOf(magic, at + 1)) {
    const plain = decompressed(all.subarray(at))
    if (plain.subarray(0, 4).toString() === Uint8Array.of(0x7f, 0x45, 0x4c, 0x46).toString()) return plain
  }
  return image
}

/** The modules without which the guest would not find its files, in the order in which they load. */
async function firstModules(root: string, version: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for (const name of NEEDED_MODULES) {
    const told = await run(['modprobe', '-d', root, '-S', version, '--show-depends', name])
    for (const [, path = ''] of told.matchAll(/^insmod (\S+)/gm)) {
      const bytes = readFileSync(path)
      found.set(basename(path, '.xz'), path.endsWith('.xz') ? decompressed(bytes) : bytes)
    }
  }
  return found
}

async function makeInitramfs(archive: Archive, draft: string, modules: string): Promise<Uint8Array> {
  const shell = join(draft, 'shell')
  await archive.unpack(['busybox-static'], shell)
  const busybox = globSync('{bin,usr/bin}/busybox', { cwd: shell })[0]
  if (busybox === undefined) throw new HoldfastError('failed', 'busybox-static has no busybox')
  const first = await firstModules(dirname(dirname(dirname(modules))), basename(modules))
  const empty = ['bin', 'modules', 'proc', 'sys', 'dev', 'lower', 'upper', 'root']
  return packCpio([
    ...empty.map((path) => ({ path })),
    { path: 'bin/busybox', content: readFileSync(join(shell, busybox)) },
    { path: 'init', content: Buffer.from(guestInit([...first.keys()])) },
    ...[...first].map(([name, content]) => ({ path: `modules/${name}`, content })),
  ])
}

async function make(arch: Architecture, draft: string): Promise<void> {
  const archive = await openArchive(arch, join(draft, 'apt'))
  const meta = `linux-image-${arch.name}`
  const name = (await archive.dependsOn(meta)).find((one) => one.startsWith('linux-image-'))
  if (name === undefined) throw new HoldfastError('unsupported', `the archives here have no ${meta}`)
  const unpacked = join(draft, 'package')
  await archive.unpack([name], unpacked)
  const found = globSync('{,usr/}lib/modules/*', { cwd: unpacked })[0]
  if (found === undefined) throw new HoldfastError('failed', `${name} has no modules`)
  const version = basename(found)
  const root = join(draft, 'root')
  if (!arch.native) {
    await archive.unpack(USERLAND.split(/\s+/), root, 'with what they need')
    layUserland(root)
  }
  const modules = join(root, 'lib/modules', version)
  mkdirSync(dirname(modules), { recursive: true })
  renameSync(join(unpacked, found), modules)
  await run(['depmod', '-b', root, version])
  writeFileSync(join(draft, 'kernel'), plainKernel(readFileSync(join(unpacked, 'boot', `vmlinuz-${version}`))))
  writeFileSync(join(draft, 'initramfs'), await makeInitramfs(archive, draft, modules))
  for (const left of ['apt', 'package', 'shell']) rmSync(join(draft, left), { recursive: true })
}

/** What the packages' own scripts would have done, as far as it is needed. */
function layUserland(root: string): void {
  for (const path of ['proc', 'sys', 'dev', 'run', 'tmp', 'host', 'root', 'etc', 'var/lib']) {
    mkdirSync(join(root, path), { recursive: true })
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n')
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n')
}

function systemIn(directory: string, arch: Architecture): System | undefined {
  const modules = globSync('root/lib/modules/*', { cwd: directory })[0]
  if (modules === undefined) return undefined
  return {
    kernel: join(directory, 'kernel'),
    initramfs: join(directory, 'initramfs'),
    modules: join(directory, modules),
    root: arch.native ? '/' : join(directory, 'root'),
  }
}

/** Where what is fetched for virtual machines is kept. */
function cacheDirectory(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  return join(base, 'holdfast')
}

/** Finds it, or makes it: half a minute, and 60 MB from Debian's archives. Two may make it at once. */
export async function prepareSystem(arch: Architecture, told: (doing: string) => void): Promise<System> {
  const cache = cacheDirectory()
  const directory = join(cache, `vm-${arch.name}-${EDITION}`)
  if (!existsSync(directory)) {
    told(`fetches Debian's kernel for ${arch.name}, once, into ${directory}`)
    mkdirSync(cache, { recursive: true })
    const draft = mkdtempSync(`${directory}.`)
    try {
      await make(arch, draft)
      if (!existsSync(directory)) renameSync(draft, directory)
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
  }
  const system = systemIn(directory, arch)
  if (system !== undefined) return system
  throw new HoldfastError('failed', `${directory} holds no kernel`, { remedy: 'Remove it, and try again.' })
}
