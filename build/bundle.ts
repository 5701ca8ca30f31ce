// Makes build/out: the agent and the hub as one ES module each, the SQLite addon and the relay's short cut beside them, and a
// launcher for each.
//
//   node build/bundle.ts [--target linux-arm64]
//
// Bundled, the agent starts in a third of the time and holds a third of the memory: nothing is resolved, read or kept
// that it does not use. Two builds of one commit are identical.

import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build, type Metafile } from 'esbuild'
import { describeError } from '../shared/errors.ts'
import { makeHoldfastBpf } from './holdfast-bpf.ts'
import { launcher } from './launcher.ts'
import { lazyHttp } from './lazy-http.ts'
import { hostTarget, parseTarget, type Target } from './target.ts'

const root = resolve(import.meta.dirname, '..')
const out = join(root, 'build/out')
/** Built beside and renamed, so that whatever runs from build/out keeps the files it has open. */
const draft = `${out}.${process.pid}`

const programs = [
  { name: 'holdfast', entry: 'edge/main.ts' },
  { name: 'holdfast-hub', entry: 'cloud/main.ts' },
] as const

/** CommonJS libraries inside an ES module still ask for `require` when they load Node's own modules. */
const REQUIRE =
  "import { createRequire as holdfastRequire } from 'node:module'; const require = holdfastRequire(import.meta.url);"

/** Before anything else: under an older Node the SQLite addon ends the process without a word. */
function nodeCheck(name: string): string {
  const words = `${name}: needs Node 24 or newer, and this is `
  const remedy = '. Put it first in PATH, or name it in HOLDFAST_NODE.\\n'
  return [
    'if (Number(process.versions.node.split(".")[0]) < 24) {',
    `process.stderr.write("${words}" + process.versions.node + "${remedy}"); process.exit(1) }`,
  ].join(' ')
}

function version(): string {
  const { version: release } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  try {
    const git = ['-C', root, 'rev-parse', '--short=9', 'HEAD']
    return `${release}+${execFileSync('git', git, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()}`
  } catch {
    // A source archive without history: the release number is all there is.
    return release
  }
}

async function bundle(name: string, entry: string, target: Target): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: entry },
    outdir: draft,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    // Stack traces in a debug bundle must name functions. `keepNames` would do it too, for a call at each closure that is made.
    minifyIdentifiers: false,
    legalComments: 'linked',
    sourcemap: false,
    metafile: true,
    logLevel: 'warning',
    banner: { js: `${REQUIRE}\n${nodeCheck(name)}` },
    // readable-stream's own switch to Node's streams: saves loading a second copy of them.
    define: { HOLDFAST_VERSION: JSON.stringify(version()), 'process.env.READABLE_STREAM': '"disable"' },
    // The addon for one platform, copied beside the bundle; the library's own search for it can't work from there.
    alias: { 'better-sqlite3': `better-sqlite3/${target}`, 'worker-timers': join(root, 'build/timers.ts') },
    loader: { '.node': 'copy' },
    plugins: [lazyHttp],
    assetNames: 'sqlite-[name]',
  })
  return metafile
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { target: { type: 'string' } } })
  const target = values.target === undefined ? hostTarget() : parseTarget(values.target)
  mkdirSync(draft, { recursive: true })
  for (const { name, entry } of programs) {
    const metafile = await bundle(name, entry, target)
    writeFileSync(join(draft, `${name}.meta.json`), JSON.stringify(metafile))
    writeFileSync(join(draft, name), launcher(name))
    chmodSync(join(draft, name), 0o755)
    const kib = Math.round(statSync(join(draft, `${name}.mjs`)).size / 1_024)
    process.stdout.write(`build/out/${name}.mjs  ${kib} KiB  ${target}\n`)
  }
  const made = makeHoldfastBpf(target)
  if (typeof made === 'string') process.stdout.write(`build/out has no holdfast-bpf: ${made}\n`)
  else copyFileSync(made.path, join(draft, 'holdfast-bpf'))
  rmSync(out, { recursive: true, force: true })
  renameSync(draft, out)
}

try {
  await main()
} catch (error) {
  process.stderr.write(`build: ${describeError(error)}\n`)
  process.exitCode = 1
} finally {
  rmSync(draft, { recursive: true, force: true })
}
