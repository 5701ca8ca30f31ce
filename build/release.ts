// Makes build/release: agent and hub as single executable files for each target, with all that a release says of them.
//
//   node build/release.ts [--target linux-x64]… [--sign-key FILE]
//
// Two builds of one commit are identical, wherever they are made; only the signature depends on who signs.

import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeError } from '../shared/errors.ts'
import type { ReleaseFile } from '../shared/release/manifest.ts'
import { origin, type Program, programs, version } from './programs.ts'
import { addonPath, assemble } from './single/assemble.ts'
import { assertFloor, glibcFloor } from './single/glibc.ts'
import { describe, sealRelease } from './single/manifest.ts'
import { defaultKeyPath, openSigningKey } from './single/signing-key.ts'
import { parseReleaseTarget, type ReleaseTarget, releaseTargets } from './single/targets.ts'

const root = resolve(import.meta.dirname, '..')
const out = join(root, 'build/release')
/** Made beside it and renamed: a release is there whole, or it is the one before. */
const draft = `${out}.${process.pid}`
const work = `${draft}.work`

function say(file: ReleaseFile): void {
  const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`
  const packed = file.gz === undefined ? '' : `  packed ${mib(file.gz.size)}`
  process.stdout.write(`build/release/${file.name}  ${mib(file.size)}${packed}\n`)
}

async function makeProgram(program: Program, target: ReleaseTarget): Promise<ReleaseFile> {
  const { path } = await assemble({ program, target, version: version(), into: draft, work })
  await assertFloor([path, addonPath(target)])
  const file = await describe({ path, kind: program.kind, target, glibc: glibcFloor }, true)
  say(file)
  return file
}

async function main(): Promise<void> {
  const options = { target: { type: 'string', multiple: true }, 'sign-key': { type: 'string' } } as const
  const { values } = parseArgs({ options })
  const targets = values.target?.map(parseReleaseTarget) ?? releaseTargets
  const keyPath = values['sign-key'] ?? defaultKeyPath()
  const key = openSigningKey(keyPath)
  if (key.isNew) process.stdout.write(`made a key to sign releases with: ${keyPath}. Keep it, and keep it secret.\n`)
  mkdirSync(draft, { recursive: true })
  const files: ReleaseFile[] = []
  for (const target of targets) {
    // Two at a time: packing takes a processor each.
    files.push(...(await Promise.all(programs.map((program) => makeProgram(program, target)))))
  }
  await sealRelease({ directory: draft, version: version(), origin: origin(), files, key })
  rmSync(out, { recursive: true, force: true })
  renameSync(draft, out)
  process.stdout.write(`${basename(out)}: ${files.length} programs of version ${version()}, signed with ${keyPath}\n`)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`release: ${describeError(error)}\n`)
  process.exitCode = 1
} finally {
  rmSync(draft, { recursive: true, force: true })
  rmSync(work, { recursive: true, force: true })
}
