// The one program that puts others into the kernel (bpf/), and what it leaves there.

import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { programDirectory } from '../../shared/host/carried.ts'
import { partPath } from '../../shared/host/parts.ts'

const BPFFS = '/sys/fs/bpf'

/** Inside a single file, beside the bundle, or where a checkout makes it; undefined where this build has none. */
export function findBpfProgram(): string | undefined {
  const carried = partPath('holdfast-bpf')
  if (carried !== undefined) return carried
  const here = programDirectory()
  return [join(here, 'holdfast-bpf'), join(here, '../../bpf/out/holdfast-bpf')].find((path) => existsSync(path))
}

/** All that is pinned of this network namespace. */
export function pinNames(kind: 'policy'): readonly string[] {
  return ownPins(kind).flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
}

/** Directories of pins of this network namespace, by any version. */
export function ownPins(kind: 'policy' | 'relay'): readonly string[] {
  const netns = /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0]
  const names = existsSync(BPFFS) ? readdirSync(BPFFS) : []
  const ours = names.filter((name) => name.startsWith(`hf_${kind}_`) && name.endsWith(`_${netns}`))
  return ours.map((name) => join(BPFFS, name))
}
