// Debian packages unpacked and never installed, of any processor: by the archives that this machine uses, and with lists of
// their own, so that its own lists and what is installed stay as they are.

import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { run } from '../laboratory/command.ts'
import type { Architecture } from './architecture.ts'

/** A kernel is 50 MB, and mirrors can be slow. */
const DOWNLOAD_MS = 300_000

export interface Archive {
  /** Names of the packages that one depends on. */
  dependsOn(name: string): Promise<readonly string[]>
  /** Unpacks these alone, or also all that they need. */
  unpack(names: readonly string[], into: string, how?: 'alone' | 'with what they need'): Promise<void>
}

/** Throws `unreachable` where the archives don't give it. */
async function fetched(argv: readonly string[]): Promise<string> {
  try {
    return await run(argv, { timeoutMs: DOWNLOAD_MS })
  } catch (cause) {
    throw new HoldfastError('unreachable', describeError(cause), { cause })
  }
}

/** `scratch`: a directory that nobody else uses. */
export async function openArchive({ name }: Pick<Architecture, 'name'>, scratch: string): Promise<Archive> {
  const [lists, cache, status] = [join(scratch, 'lists'), join(scratch, 'cache'), join(scratch, 'status')]
  for (const path of [join(lists, 'partial'), join(cache, 'archives/partial')]) mkdirSync(path, { recursive: true })
  writeFileSync(status, '')
  const settings = [
    `Dir::State::lists=${lists}`,
    `Dir::State::status=${status}`,
    `Dir::Cache=${cache}`,
    `APT::Architecture=${name}`,
    `APT::Architectures=${name}`,
    'APT::Sandbox::User=root',
    // Only what packages are, and nothing for people to read.
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false',
  ].flatMap((setting) => ['-o', setting])
  const apt = (program: string, ...words: readonly string[]): Promise<string> =>
    fetched([program, '-q', '-q', ...settings, ...words])
  await apt('apt-get', 'update')
  return {
    async dependsOn(one) {
      const text = await apt('apt-cache', 'depends', one)
      return [...text.matchAll(/^ *\|?Depends: ([^<\s]+)$/gm)].map(([, found = '']) => found)
    },
    async unpack(names, into, how = 'alone') {
      // Nothing counts as installed, so "what they need" is all of it; "alone" is told so by its own word.
      const words = how === 'alone' ? ['download'] : ['install', '--download-only', '-y', '--no-install-recommends']
      const at = join(cache, 'archives')
      await fetched(['env', '-C', at, 'apt-get', '-q', '-q', ...settings, ...words, ...names])
      mkdirSync(into, { recursive: true })
      for (const file of globSync('*.deb', { cwd: at })) {
        await run(['dpkg', '-x', join(at, file), into])
        rmSync(join(at, file))
      }
    },
  }
}
