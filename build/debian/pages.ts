// What a program prints about itself for manuals and shells: asked of the program, so that it says what its table says.

import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const entries = { holdfast: 'edge/main.ts', 'holdfast-hub': 'cloud/main.ts' } as const

export interface Pages {
  /** roff, section 1. */
  readonly man: string
  readonly bash: string
  readonly zsh: string
  readonly fish: string
}

export function pagesOf(name: keyof typeof entries, version: string): Pages {
  const ask = (...words: readonly string[]): string =>
    execFileSync(process.execPath, [resolve(root, entries[name]), ...words], { encoding: 'utf8' })
  const shell = (which: string): string => ask('completion', which)
  return {
    // From its sources a program is of no version.
    man: ask('man').replace(/^(\.TH .*) dev"$/m, `$1 ${version}"`),
    bash: shell('bash'),
    zsh: shell('zsh'),
    fish: shell('fish'),
  }
}
