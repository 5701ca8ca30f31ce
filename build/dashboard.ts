// The dashboard as people's browsers load it: index.html, and assets whose names change with what is in them, so that a browser
// may keep them for ever. No asset names anything outside of the hub.

import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'
import { HoldfastError } from '../shared/errors.ts'

const root = resolve(import.meta.dirname, '..')
const MAIN = 'cloud/dashboard/main.tsx'
/** Of what a browser loads before it shows the first page, with gzip: 60 KB are a second of a slow LTE link. */
const FIRST_LOAD_MAX = 60_000

type Output = Metafile['outputs'][string]

function pageOf(script: string, style: string, ahead: readonly string[]): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">',
    '<meta name="color-scheme" content="light dark">',
    '<meta name="robots" content="noindex">',
    '<title>Holdfast</title>',
    '<link rel="icon" href="data:,">',
    `<link rel="stylesheet" href="assets/${style}">`,
    ...ahead.map((name) => `<link rel="modulepreload" href="assets/${name}">`),
    `<script type="module" src="assets/${script}"></script>`,
    '</head>',
    '<body>',
    '<noscript>The dashboard needs JavaScript. Without it: holdfast-hub status.</noscript>',
    '<div id="app"></div>',
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

/** What `path` imports before it runs, itself included. */
function loadedWith(outputs: Metafile['outputs'], path: string, seen: Set<string> = new Set()): ReadonlySet<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const { kind, path: next } of outputs[path]?.imports ?? []) {
    if (kind === 'import-statement') loadedWith(outputs, next, seen)
  }
  return seen
}

export interface DashboardBuild {
  /** Bytes of the first page with gzip. */
  readonly firstLoad: number
  readonly metafile: Metafile
}

/** Writes `dashboard/` into the directory `into`. Throws where the first page has grown too large. */
export async function bundleDashboard(into: string): Promise<DashboardBuild> {
  const out = join(into, 'dashboard')
  mkdirSync(join(out, 'assets'), { recursive: true })
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    preserveSymlinks: true,
    entryPoints: { main: MAIN, style: 'cloud/dashboard/style/main.css' },
    outdir: join(out, 'assets'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome111', 'firefox113', 'safari16.4'],
    minify: true,
    legalComments: 'linked',
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  const bytes = new Map(outputFiles.map(({ contents, path }) => [basename(path), contents]))
  const find = (test: (output: Output, path: string) => boolean): string => {
    const found = Object.entries(metafile.outputs).find(([path, output]) => test(output, path))
    if (found === undefined) throw new HoldfastError('failed', 'the bundler wrote no entry of the dashboard')
    return found[0]
  }
  const main = find(({ entryPoint }) => entryPoint === MAIN)
  const style = find((_, path) => /\/style-[^/]+\.css$/.test(path))
  const scripts = [...loadedWith(metafile.outputs, main)]
  const page = pageOf(
    basename(main),
    basename(style),
    scripts.filter((path) => path !== main).map((path) => basename(path)),
  )
  writeFileSync(join(out, 'index.html'), page)
  for (const [name, contents] of bytes) writeFileSync(join(out, 'assets', name), contents)
  const first = [style, ...scripts].map((path) => bytes.get(basename(path)) ?? new Uint8Array())
  const firstLoad = [Buffer.from(page), ...first].reduce((sum, one) => sum + gzipSync(one, { level: 9 }).length, 0)
  if (firstLoad > FIRST_LOAD_MAX) {
    throw new HoldfastError('too-large', `the first page has ${firstLoad} bytes with gzip, at most ${FIRST_LOAD_MAX}`, {
      remedy: 'Load what the first page does not show by import().',
    })
  }
  return { firstLoad, metafile }
}
