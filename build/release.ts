// Makes build/release: agent and hub as single executable files for each target, with all that a release says of them.
//
//   node build/release.ts [--target linux-x64]… [--sign-key FILE] [--unpacked]
//
// --unpacked: without what is packed of them, to compare two builds by.
//
// Two builds of one commit are identical, wherever they are made; only the signature depends on who signs.

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { describeError } from '../shared/errors.ts'
import type { ReleaseFile } from '../shared/release/manifest.ts'
import { makePackages, type PackagedProgram } from './debian/make-packages.ts'
import { definitionsText } from './kubernetes/charts.ts'
import { makeKubernetes } from './kubernetes/make.ts'
import { origin, type Program, programs, version } from './programs.ts'
import { addonPath, assemble } from './single/assemble.ts'
import { byName } from './single/component.ts'
import { assertFloor, glibcFloor } from './single/glibc.ts'
import { prepareIngredients } from './single/ingredients.ts'
import { describe, sealRelease } from './single/manifest.ts'
import { licencesText, type ProgramContent, sbomName, sbomOf } from './single/sbom.ts'
import { defaultKeyPath, openSigningKey } from './single/signing-key.ts'
import { parseReleaseTarget, type ReleaseTarget, releaseTargets } from './single/targets.ts'

const root = resolve(import.meta.dirname, '..')
const out = join(root, 'build/release')
/** Made beside it and renamed: a release is there whole, or it is the one before. */
const draft = `${out}.${process.pid}`
const work = `${draft}.work`

function say(file: ReleaseFile): void {
  const mib = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`
  const packed = file.zst === undefined ? '' : `  packed ${mib(file.zst.size)}`
  process.stdout.write(`build/release/${file.name}  ${mib(file.size)}${packed}\n`)
}

interface Made {
  readonly file: ReleaseFile
  readonly content: ProgramContent
}

async function makeProgram(program: Program, target: ReleaseTarget, packed: boolean): Promise<Made> {
  const { components, path } = await assemble({ program, target, version: version(), into: draft, work })
  await assertFloor([path, addonPath(target)])
  const file = await describe({ path, kind: program.kind, target, glibc: glibcFloor }, packed)
  say(file)
  return { file, content: { name: program.name, components } }
}

/** Both targets have the same inside; what is for one alone would stand here once all the same. */
function contentsOf(made: readonly Made[]): readonly ProgramContent[] {
  return programs.map(({ name }) => {
    const components = made.filter(({ content }) => content.name === name).flatMap(({ content }) => content.components)
    return { name, components: [...new Map(components.map((one) => [one.purl, one])).values()].sort(byName) }
  })
}

function licensed(made: readonly Made[]): readonly PackagedProgram[] {
  return made.map(({ content, file }) => ({ file, licences: licencesText(content.components) }))
}

/** Charts and manifests. */
async function makeForKubernetes(createdAt: string): Promise<ReleaseFile[]> {
  const mtimeS = Date.parse(createdAt) / 1_000
  const files = makeKubernetes({ into: draft, version: version(), definitions: definitionsText(), mtimeS })
  return await Promise.all(files.map((one) => describe({ ...one, target: 'any' }, false)))
}

async function makeSbom(made: readonly Made[], createdAt: string): Promise<ReleaseFile> {
  const path = join(draft, sbomName)
  writeFileSync(path, sbomOf({ version: version(), createdAt, programs: contentsOf(made) }))
  return await describe({ path, kind: 'sbom', target: 'any' }, false)
}

async function main(): Promise<void> {
  const options = {
    target: { type: 'string', multiple: true },
    'sign-key': { type: 'string' },
    unpacked: { type: 'boolean' },
  } as const
  const { values } = parseArgs({ options })
  const targets = values.target?.map(parseReleaseTarget) ?? releaseTargets
  const keyPath = values['sign-key'] ?? defaultKeyPath()
  const key = openSigningKey(keyPath)
  if (key.isNew) process.stdout.write(`made a key to sign releases with: ${keyPath}. Keep it, and keep it secret.\n`)
  mkdirSync(draft, { recursive: true })
  await prepareIngredients(targets)
  const made: Made[] = []
  for (const target of targets) {
    // Two at a time: packing takes a processor each.
    made.push(...(await Promise.all(programs.map((program) => makeProgram(program, target, values.unpacked !== true)))))
  }
  const release = { directory: draft, version: version(), origin: origin(), key }
  // They are made of what is packed.
  const installers =
    values.unpacked === true ? [] : await makePackages({ ...release, targets, programs: licensed(made) })
  const { createdAt } = release.origin
  const applied = await makeForKubernetes(createdAt)
  for (const file of [...installers, ...applied]) say(file)
  const files = [...made.map(({ file }) => file), ...installers, ...applied, await makeSbom(made, createdAt)]
  await sealRelease({ ...release, files })
  rmSync(out, { recursive: true, force: true })
  renameSync(draft, out)
  process.stdout.write(`${basename(out)}: ${files.length} files of version ${version()}, signed with ${keyPath}\n`)
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
