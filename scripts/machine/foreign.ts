// Programs of arm64 on a machine of another processor: by qemu's user mode, which stands in for the processor and leaves the
// kernel as it is. What such a program starts is the system's to run again, so programs of this machine work, and its own don't.

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from '../../build/single/cache.ts'
import { openArchive } from './debian.ts'

const EMULATOR = 'qemu-aarch64-static'
/** What Node is linked with. */
const LIBRARIES = ['libc6', 'libgcc-s1', 'libstdc++6']
const EDITION = 1

/** Why there is no emulator, as a sentence; undefined where there is one. @testonly */
export function whyNoForeign(): string | undefined {
  if (process.arch === 'arm64') return undefined
  const { error } = spawnSync(EMULATOR, ['--version'])
  return error === undefined ? undefined : `needs ${EMULATOR}: run ./scripts/test, or install qemu-user-static`
}

/** Directory whose `root` holds what programs of arm64 are linked with; undefined where they are this machine's own. */
export async function foreignLibraries(): Promise<string | undefined> {
  if (process.arch === 'arm64') return undefined
  return cached(`libraries-arm64-${EDITION}`, async (draft) => {
    mkdirSync(draft, { recursive: true })
    const archive = await openArchive({ name: 'arm64' }, join(draft, 'apt'))
    await archive.unpack(LIBRARIES, join(draft, 'root'))
    rmSync(join(draft, 'apt'), { recursive: true })
  })
}

/** Words in front of a program of arm64. Throws `unreachable` where Debian's archives don't give its libraries. @testonly */
export async function foreignWords(): Promise<readonly string[]> {
  const libraries = await foreignLibraries()
  return libraries === undefined ? [] : [EMULATOR, '-L', join(libraries, 'root')]
}
