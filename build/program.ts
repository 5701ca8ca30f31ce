// One program as one file of JavaScript: an ES module with the SQLite addon beside it, or what a single executable takes. Two
// builds of one commit are identical.

import { join, resolve } from 'node:path'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import { carriedAddon } from './carried-addon.ts'
import { lazyHttp } from './lazy-http.ts'
import { ownStreams } from './own-streams.ts'
import type { Target } from './target.ts'

const root = resolve(import.meta.dirname, '..')

export interface ProgramOptions {
  readonly name: string
  readonly entry: string
  readonly target: Target
  /** Directory that it is written to. */
  readonly into: string
  readonly version: string
}

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

function common({ entry, into, name, target, version }: ProgramOptions) {
  return {
    absWorkingDir: root,
    // Names of modules are in the output: where node_modules is a link, they would say where it leads.
    preserveSymlinks: true,
    entryPoints: { [name]: entry },
    outdir: into,
    bundle: true,
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    // Stack traces in a debug bundle must name functions. `keepNames` would do it too, for a call at each closure that is made.
    minifyIdentifiers: false,
    legalComments: 'linked',
    sourcemap: false,
    metafile: true,
    logLevel: 'warning',
    define: { HOLDFAST_VERSION: JSON.stringify(version) },
    alias: {
      // The addon for one platform; the library's own search for it can't work from there.
      'better-sqlite3': `better-sqlite3/${target}`,
      'worker-timers': join(root, 'build/timers.ts'),
    },
  } satisfies BuildOptions
}

/** `NAME.mjs`, which any Node runs, with the addon copied beside it. */
export async function bundleProgram(options: ProgramOptions): Promise<Metafile> {
  const { metafile } = await build({
    ...common(options),
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    banner: { js: `${REQUIRE}\n${nodeCheck(options.name)}` },
    loader: { '.node': 'copy' },
    plugins: [lazyHttp, ownStreams],
    assetNames: 'sqlite-[name]',
  })
  return metafile
}

export interface SingleOptions extends ProgramOptions {
  /** Set before anything else runs, where the device has not set them. */
  readonly environment: Readonly<Record<string, string>>
}

/** `NAME.cjs`: a single executable's program is CommonJS, and loads its addon from what the executable carries. */
export async function bundleForSingle(options: SingleOptions): Promise<Metafile> {
  const base = common(options)
  const settings = Object.entries(options.environment)
  const { metafile } = await build({
    ...base,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    banner: { js: settings.map(([key, value]) => `process.env.${key} ??= ${JSON.stringify(value)};`).join('') },
    // There is no file that it would be the directory of: see shared/host/carried.ts.
    define: { ...base.define, 'import.meta.dirname': '""' },
    // What remains of them loads Node's own modules.
    supported: { 'dynamic-import': false },
    plugins: [lazyHttp, ownStreams, carriedAddon],
  })
  return metafile
}
