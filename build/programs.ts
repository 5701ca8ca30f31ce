// The two programs, and what a build of them is called.

import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

export const programs = [
  { name: 'holdfast', kind: 'agent', entry: 'edge/main.ts' },
  { name: 'holdfast-hub', kind: 'hub', entry: 'cloud/main.ts' },
] as const
export type Program = (typeof programs)[number]

/** What git says; undefined for a source archive without history. */
function git(...words: readonly string[]): string | undefined {
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
    return execFileSync('git', ['-C', root, ...words], options).trim()
  } catch {
    return undefined
  }
}

/** `0.1.0+COMMIT`. */
export function version(): string {
  const { version: release } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const commit = git('rev-parse', '--short=9', 'HEAD')
  return commit === undefined ? release : `${release}+${commit}`
}

export interface Origin {
  /** All 40 digits, with `-dirty` where the tree is not as committed; `unknown` without history. */
  readonly commit: string
  /** Of the commit, or what SOURCE_DATE_EPOCH says; UTC, to the second, such as 2026-01-31T12:00:00Z. */
  readonly createdAt: string
}

export function origin(): Origin {
  const head = git('rev-parse', 'HEAD')
  const dirty = head !== undefined && git('status', '--porcelain', '--untracked-files=no') !== ''
  const given = process.env['SOURCE_DATE_EPOCH'] ?? git('log', '-1', '--format=%ct') ?? '0'
  const createdAt = new Date(Number(given) * 1_000).toISOString().replace(/\.\d+Z$/, 'Z')
  return { commit: head === undefined ? 'unknown' : `${head}${dirty ? '-dirty' : ''}`, createdAt }
}
