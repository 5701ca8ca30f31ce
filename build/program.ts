// One program as one ES module, with the SQLite addon beside it. Two builds of one commit are identical.

import { join, resolve } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { lazyHttp } from './lazy-http.ts'
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

export async function bundleProgram(options: ProgramOptions): Promise<Metafile> {
  const { entry, into, name, target, version } = options
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: entry },
    outdir: into,
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
    define: { HOLDFAST_VERSION: JSON.stringify(version), 'process.env.READABLE_STREAM': '"disable"' },
    // The addon for one platform, copied beside the bundle; the library's own search for it can't work from there.
    alias: { 'better-sqlite3': `better-sqlite3/${target}`, 'worker-timers': join(root, 'build/timers.ts') },
    loader: { '.node': 'copy' },
    plugins: [lazyHttp],
    assetNames: 'sqlite-[name]',
  })
  return metafile
}
