// What an image holds besides the program: Debian's packages of what it runs and is linked with, unpacked by mmdebstrap and never
// configured, so that it works for another processor, too. No shell tools and no package manager come with them.

import { readFileSync } from 'node:fs'
import { toHex } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { gzip, type PackedTar } from '../debian/tree.ts'
import { cached } from '../single/cache.ts'
import { tool } from '../single/tool.ts'

const SUITE = 'bookworm'
const LIBRARIES = ['libc6', 'libgcc-s1', 'libstdc++6', 'netbase']
const PACKAGES = { agent: [...LIBRARIES, 'wireguard-tools', 'nftables', 'iproute2'], hub: LIBRARIES } as const
/** Nobody reads them in a container; licences stay. */
const LEFT_OUT = ['/usr/share/man/*', '/usr/share/locale/*', '/usr/share/bash-completion/*', '/usr/share/lintian/*']

export type ImageKind = keyof typeof PACKAGES

async function make(kind: ImageKind, architecture: string, epochS: number, draft: string): Promise<void> {
  const leftOut = LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`)
  const words = [
    '--variant=extract',
    '--mode=root',
    '--format=tar',
    '--quiet',
    `--architectures=${architecture}`,
    `--include=${PACKAGES[kind].join(',')}`,
    ...leftOut,
    '--customize-hook=rm -rf "$1"/var/lib/apt "$1"/var/cache "$1"/var/log "$1"/etc/apt',
    SUITE,
    draft,
  ]
  await tool('mmdebstrap', words, { env: { SOURCE_DATE_EPOCH: String(epochS) } })
}

/** `day`: as YYYY-MM-DD, of the packages; images made on one day share it. */
export async function baseLayer(
  kind: ImageKind,
  architecture: 'amd64' | 'arm64',
  { day, epochS }: { readonly day: string; readonly epochS: number },
): Promise<PackedTar> {
  const name = `image-${kind}-${SUITE}-${architecture}-${day}-${epochS}.tar`
  const tar = readFileSync(await cached(name, (draft) => make(kind, architecture, epochS, draft)))
  return { bytes: gzip(tar), plainSha256: toHex(sha256(tar)) }
}
