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

/** The number of this process's network namespace. */
export function hostNetns(): string | undefined {
  return /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0]
}

/** All that is pinned of a network namespace. */
export function pinNames(kind: 'policy', netns = hostNetns()): readonly string[] {
  return ownPins(kind, netns).flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
}

/** Directories of pins of a network namespace, by any version. */
export function ownPins(kind: 'policy' | 'relay', netns = hostNetns()): readonly string[] {
  if (netns === undefined) return []
  const names = existsSync(BPFFS) ? readdirSync(BPFFS) : []
  const ours = names.filter((name) => name.startsWith(`hf_${kind}_`) && name.endsWith(`_${netns}`))
  return ours.map((name) => join(BPFFS, name))
}
