// A fresh Debian, made by debootstrap: its smallest variant and what the package of the agent depends on. Made once and kept
// outside of the checkout; each use is a copy of its own.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached } from '../../build/single/cache.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { run } from './command.ts'
import type { Host } from './host.ts'

/** The oldest that is supported. */
const SUITE = 'bookworm'
/** wget and openssl are for install.sh. */
const PACKAGES = ['wireguard-tools', 'nftables', 'iproute2', 'netbase', 'openssl', 'wget']
const ROOM_BYTES = 1 << 30
const MAKE_TIMEOUT_MS = 240_000
/** Where this machine has its packages from, if it is a Debian. */
const FORMAT = '$(ORIGIN) $(REPO_URI)'

function mirror(): string {
  const said = execFileSync('apt-get', ['indextargets', '--format', FORMAT, 'Created-By: Packages'], {
    encoding: 'utf8',
  })
  const found = said.split('\n').find((line) => /^Debian .*\/debian\/?$/.test(line))
  const address = found?.split(' ')[1]
  if (address !== undefined) return address
  throw new HoldfastError('unsupported', 'apt knows no archive of Debian to make a fresh Debian from', {
    remedy: 'Name one in /etc/apt/sources.list.d, then run `apt-get update`.',
  })
}

/** In memory where there is room: dpkg waits for the disk after every file. */
function workshop(): string {
  const memory = '/dev/shm'
  if (!existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > ROOM_BYTES ? memory : tmpdir()
}

async function make(archive: string): Promise<void> {
  const root = mkdtempSync(join(workshop(), 'hf-debian-'))
  try {
    const words = ['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, root, mirror()]
    await run(['debootstrap', ...words], { timeoutMs: MAKE_TIMEOUT_MS })
    rmSync(join(root, 'var/cache/apt/archives'), { recursive: true })
    mkdirSync(join(root, 'var/cache/apt/archives/partial'), { recursive: true })
    await run(['tar', '-C', root, '--one-file-system', '-cf', archive, '.'])
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Path of the archive that roots are unpacked from. */
export function debianArchive(): Promise<string> {
  return cached(`debian-${SUITE}-${process.arch}-${PACKAGES.join('-')}.tar`, make)
}

/** What a running system has mounted; sockets and pins are those of the host. */
const MOUNTS = `
set -e
mount -t proc proc "$0/proc"
mount -t sysfs sysfs "$0/sys"
mount --bind /sys/fs/bpf "$0/sys/fs/bpf"
mount --rbind /dev "$0/dev"
mount --bind /run "$0/run"
mount -t tmpfs -o mode=1777 tmpfs "$0/tmp"
`

/** A system of its own on a host of the lab: its files, and the host's kernel and network. */
export interface DebianRoot {
  /** As seen from this machine. */
  readonly path: string
  /** Words that run a program in it. */
  enter(argv: readonly string[]): readonly string[]
  /** Every file of it but caches and what packages note of themselves, for a comparison. */
  files(): Promise<readonly string[]>
}

const NOTED = String.raw`^\./(?:proc|sys|dev|run|tmp|var/lib/dpkg|var/lib/apt|var/cache|var/log|var/lib/systemd)(?:/|$)|\.pyc$`

export async function layDebianRoot(host: Host, archive: string): Promise<DebianRoot> {
  const path = join(host.lib, 'debian')
  mkdirSync(path)
  await run(['tar', '-C', path, '-xf', archive])
  const inside = '/var/lib/debian'
  await host.exec(['sh', '-c', MOUNTS, inside])
  const enter: DebianRoot['enter'] = (argv) => [
    'env',
    '-i',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME=/root',
    'LANG=C.UTF-8',
    'DEBIAN_FRONTEND=noninteractive',
    'chroot',
    inside,
    ...argv,
  ]
  return {
    path,
    enter,
    async files() {
      const said = await host.exec(enter(['find', '.', '-xdev']))
      return said
        .split('\n')
        .filter((line) => line !== '' && !new RegExp(NOTED).test(line))
        .sort()
    },
  }
}
