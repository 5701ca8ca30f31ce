// What is put into Node to make a program of it: its JavaScript, V8's flags, and what it carries as assets.
//
// By Node's own single-executable support and not by pkg: pkg brings its own patched or repacked Node and a virtual file system
// that nothing here needs, passes no flags to V8, and copies whole packages out of the file at each start where one has an addon.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { toHex } from '../../shared/bytes.ts'
import { partsAsset, textsAsset } from '../../shared/host/carried.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { tool } from './tool.ts'

export interface BlobOptions {
  /** Path of the program, CommonJS. */
  readonly main: string
  readonly flags: readonly string[]
  /** Machine code by name, laid as files when it is needed. */
  readonly parts: ReadonlyMap<string, Uint8Array>
  /** Files for people and for the supervisor, by name. */
  readonly texts: ReadonlyMap<string, string>
  /** Directory for what is made on the way. */
  readonly into: string
}

function layAssets({ into, parts, texts }: BlobOptions): Readonly<Record<string, string>> {
  const digests = [...parts].map(([name, content]) => [name, toHex(sha256(content))])
  const assets = new Map<string, string | Uint8Array>([
    [partsAsset, JSON.stringify(Object.fromEntries(digests))],
    [textsAsset, JSON.stringify(Object.fromEntries(texts))],
    ...parts,
  ])
  const directory = join(into, 'assets')
  mkdirSync(directory, { recursive: true })
  // In one order, for they lie in the blob as they are named here.
  const names = [...assets.keys()].sort()
  return Object.fromEntries(
    names.map((name) => {
      const path = join(directory, name)
      writeFileSync(path, assets.get(name) ?? '')
      return [name, path]
    }),
  )
}

/** Path of the blob. It holds no code for one processor but the parts, so that it is made on any. */
export async function makeBlob(options: BlobOptions): Promise<string> {
  const { flags, into, main } = options
  const config = {
    // Kept in the blob as it is given here, as the name of the script: where it was made must not be in it.
    main: relative(into, main),
    output: 'blob',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    execArgv: flags,
    // Neither NODE_OPTIONS nor a command line changes how the agent runs.
    execArgvExtension: 'none',
    assets: layAssets(options),
  }
  const path = join(into, 'sea.json')
  writeFileSync(path, JSON.stringify(config))
  await tool(process.execPath, ['--experimental-sea-config', path], { cwd: into })
  return join(into, config.output)
}
