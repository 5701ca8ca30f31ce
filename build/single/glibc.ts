// The oldest GNU C library that machine code runs with: the highest version of the symbols it asks of it.

import { HoldfastError } from '../../shared/errors.ts'
import { tool } from './tool.ts'

/** Debian 12 and Raspberry Pi OS bookworm have 2.36; the SQLite addon asks for 2.34, Node for 2.28. */
export const glibcFloor = '2.34'

/** `versions` such as 2.34, in any order. */
export function highest(versions: readonly string[]): string | undefined {
  const part = (version: string, at: number): number => Number(version.split('.')[at] ?? 0)
  const compare = (a: string, b: string): number =>
    part(a, 0) - part(b, 0) || part(a, 1) - part(b, 1) || part(a, 2) - part(b, 2)
  return [...versions].sort(compare).at(-1)
}

/** Undefined where it needs none: a static program. */
export async function glibcOf(path: string): Promise<string | undefined> {
  const said = await tool('llvm-readelf', ['--version-info', path])
  return highest([...said.matchAll(/\bGLIBC_(\d+(?:\.\d+)+)/g)].map(([, version = '']) => version))
}

/** Throws `unsupported` where one of `paths` needs a newer one than the floor. */
export async function assertFloor(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const needed = await glibcOf(path)
    if (needed === undefined || highest([needed, glibcFloor]) === glibcFloor) continue
    throw new HoldfastError('unsupported', `${path} needs glibc ${needed}, and a release promises ${glibcFloor}`, {
      remedy: 'Raise the floor in build/single/glibc.ts and in the README, or take an older one.',
    })
  }
}
