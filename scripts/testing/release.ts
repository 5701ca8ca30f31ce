// The release as a test: it can be made, is what it says, is the same when it is made elsewhere, and keeps to its budget.
// Leaves build/release for the tests after it.

import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { overBudget } from '../../build/budget.ts'
import { prepareIngredients } from '../../build/single/ingredients.ts'
import { openSigningKey } from '../../build/single/signing-key.ts'
import { releaseTargets } from '../../build/single/targets.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { parseReleaseKeys } from '../../shared/release/keys.ts'
import { type Manifest, manifestName, signatureOf } from '../../shared/release/manifest.ts'
import { verifyManifest } from '../../shared/release/seal.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const release = join(root, 'build/release')
/** What a release is made of. */
const SOURCES = [
  'bpf',
  'build',
  'cloud',
  'edge',
  'examples',
  'shared',
  'LICENSE',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
]
const PROGRAMS = ['llvm-strip', 'llvm-readelf', 'clang', 'aarch64-linux-gnu-gcc', 'go', 'npm']

function missingPrograms(): readonly string[] {
  return PROGRAMS.filter(
    (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status !== 0,
  )
}

/** What it says is told when it has ended, for two of them run side by side. */
async function build(checkout: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  const told = await run(process.execPath, [join(checkout, 'build/release.ts'), ...words], {
    cwd: checkout,
    env: { ...process.env, ...env },
  })
  process.stdout.write(`in ${checkout}:\n${told.stdout}${told.stderr}`)
}

function readRelease(): Manifest {
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(release, name)))
  const keys = parseReleaseKeys(readFileSync(join(release, 'release-key.pem'), 'utf8'))
  const signed = { bytes: read(manifestName), signature: read(signatureOf(manifestName)) }
  execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: release, stdio: 'inherit' })
  return verifyManifest(signed, keys, verify)
}

/** A checkout with the same sources in another place: nothing made, and a cache that holds what is fetched and no more. */
function copyCheckout(into: string): { readonly checkout: string; readonly cache: string } {
  const [checkout, cache] = [join(into, 'elsewhere/than/before'), join(into, 'cache')]
  mkdirSync(checkout, { recursive: true })
  const filter = (path: string): boolean =>
    !/^(?:bpf\/out|build\/(?:out|release))(?:$|[/]|\.\d)/.test(relative(root, path))
  for (const name of SOURCES) cpSync(join(root, name), join(checkout, name), { recursive: true, filter })
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  // Which commit it is; an archive of the sources has none.
  if (existsSync(join(root, '.git'))) symlinkSync(join(root, '.git'), join(checkout, '.git'))
  const kept = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'holdfast/build')
  mkdirSync(join(cache, 'holdfast/build'), { recursive: true })
  // Node's packages and Go, each held to its digest.
  for (const name of globSync(['node-*', 'go*'], { cwd: kept }))
    symlinkSync(join(kept, name), join(cache, 'holdfast/build', name))
  return { checkout, cache }
}

function assertSame(checkout: string, { files }: Manifest): void {
  const again = JSON.parse(readFileSync(join(checkout, 'build/release', manifestName), 'utf8')) as Manifest
  const digests = new Map(again.files.map(({ name, sha256 }) => [name, sha256]))
  const other = files.filter(
    ({ kind, name, sha256 }) => /^(?:agent|hub|chart|manifest|sbom)$/.test(kind) && digests.get(name) !== sha256,
  )
  if (other.length === 0) return
  throw new HoldfastError(
    'failed',
    `made elsewhere, these are other bytes: ${other.map(({ name }) => name).join(', ')}`,
  )
}

async function main(): Promise<void> {
  const missing = missingPrograms()
  if (missing.length > 0) {
    process.stdout.write(`skip: needs ${missing.join(', ')}: run ./scripts/setup as root\n`)
    process.exitCode = 77
    return
  }
  const directory = mkdtempSync(join(tmpdir(), 'hf-release-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  try {
    // A key for this run alone: nobody's is needed to test, and none is made in somebody's home.
    const key = ['--sign-key', join(directory, 'key.pem')]
    openSigningKey(join(directory, 'key.pem'))
    await prepareIngredients(releaseTargets)
    const { cache, checkout } = copyCheckout(directory)
    // What Go has compiled may stay: it goes by content. The program is put together anew.
    const compiled = execFileSync('go', ['env', 'GOCACHE'], { encoding: 'utf8' }).trim()
    const elsewhere = { XDG_CACHE_HOME: cache, GOCACHE: compiled }
    const builds = [build(root, key), build(checkout, [...key, '--unpacked'], elsewhere)]
    // Neither is left running where the other fails: its directory would be gone.
    await Promise.allSettled(builds)
    await Promise.all(builds)
    const manifest = readRelease()
    assertSame(checkout, manifest)
    const over = overBudget(manifest.files)
    if (over.length > 0) throw new HoldfastError('failed', over.join('\n'))
  } catch (error) {
    process.stderr.write(`release: ${describeError(error)}\n`)
    process.exitCode = 1
  }
}

await main()
