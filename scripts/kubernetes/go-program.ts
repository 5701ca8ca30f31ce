// Programs of others that tests run, built from their Go modules once, and kept outside of the checkout.

import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from '../../build/single/cache.ts'
import { pinnedGo } from '../../build/single/go.ts'
import { HoldfastError } from '../../shared/errors.ts'

/** Twenty minutes on two idle cores would be slow; a machine that tests beside it takes its time. */
const BUILD_TIMEOUT_MS = 40 * 60_000

export interface GoSource {
  readonly name: string
  /** Directory of a module that pins it. */
  readonly module: string
  /** All that the program depends on, in that directory. */
  readonly files: readonly string[]
  /** As Go names packages. */
  readonly package: string
  /** Variables that its own build sets, by their full names. */
  readonly settings?: Readonly<Record<string, string>>
}

function linkerFlags({ settings = {} }: GoSource): string {
  return ['-s -w', ...Object.entries(settings).map(([name, value]) => `-X ${name}=${value}`)].join(' ')
}

async function build(source: GoSource, into: string): Promise<void> {
  const go = await pinnedGo()
  const argv = ['build', '-trimpath', '-ldflags', linkerFlags(source), '-o', into, source.package]
  // It has the time of all tests before it: those go first.
  const child = spawn('chrt', ['--idle', '0', 'nice', '-n', '19', go.program, ...argv], {
    cwd: source.module,
    env: { ...process.env, ...go.env, GOFLAGS: '-mod=readonly -buildvcs=false' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BUILD_TIMEOUT_MS,
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2_000)))
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new HoldfastError('failed', `${source.name} was not built: ${complaint.trim() || `code ${code}`}`))
    })
  })
}

/** Path of the program. */
export async function goProgram(source: GoSource): Promise<string> {
  const texts = source.files.map((name) => readFileSync(join(source.module, name), 'utf8'))
  const version = hash('sha256', [...texts, source.package, linkerFlags(source)].join('\n'), 'hex')
  return await cached(`${source.name}-${version.slice(0, 16)}`, (into) => build(source, into))
}
