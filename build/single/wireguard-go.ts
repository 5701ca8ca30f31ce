// A static wireguard-go for devices whose kernel has no WireGuard, from its authors' Go module, pinned in build/wireguard-go.
//
// Always by the same Go, whichever is installed: the file is the same wherever it is made. A Go since 1.21 fetches the one that
// is named, and Go's checksum database vouches for it; one since 1.19 is asked for it as for any module, and starts it.

import { createHash } from 'node:crypto'
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cached } from './cache.ts'
import type { ReleaseTarget } from './targets.ts'
import { tool } from './tool.ts'

const module = resolve(import.meta.dirname, '../wireguard-go')
const PACKAGE = 'golang.zx2c4.com/wireguard'
export const goVersion = '1.26.8'
const PROCESSORS: Readonly<Record<ReleaseTarget, string>> = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' }
/** No paths, no version control, no build id: two builds are the same bytes. */
const FLAGS = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags=-s -w -buildid=']

/** Minor version of the installed Go, 26 of go1.26.8. */
async function installedMinor(): Promise<number> {
  return Number(/go1\.(\d+)/.exec(await tool('go', ['version'], { env: { GOTOOLCHAIN: 'local' } }))?.[1] ?? 0)
}

/** The pinned Go as a directory, for a Go that can't fetch others by itself. */
async function fetchedGo(): Promise<string> {
  const host = `linux-${PROCESSORS[`linux-${process.arch}` as ReleaseTarget]}`
  return await cached(`go${goVersion}-${host}`, async (draft) => {
    const spec = `golang.org/toolchain@v0.0.1-go${goVersion}.${host}`
    const { Dir } = JSON.parse(await tool('go', ['mod', 'download', '-json', spec], { cwd: '/' })) as { Dir: string }
    cpSync(Dir, draft, { recursive: true })
    // Modules know no executable files.
    const programs = ['bin/*', 'pkg/tool/*/*'].flatMap((pattern) => globSync(pattern, { cwd: draft }))
    for (const program of programs) chmodSync(join(draft, program), 0o755)
  })
}

async function compile(target: ReleaseTarget, draft: string): Promise<void> {
  const old = (await installedMinor()) < 21
  const go = old ? join(await fetchedGo(), 'bin/go') : 'go'
  const env = {
    CGO_ENABLED: '0',
    GOOS: 'linux',
    GOARCH: PROCESSORS[target],
    GOFLAGS: '',
    GOWORK: 'off',
    GOTOOLCHAIN: old ? 'local' : `go${goVersion}`,
  }
  mkdirSync(draft)
  try {
    await tool(go, ['build', ...FLAGS, '-o', join(draft, 'wireguard-go'), PACKAGE], { cwd: module, env })
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
}

/** Path of the program for `target`, compiled once for each change of its pins. */
export async function wireguardGo(target: ReleaseTarget): Promise<string> {
  const pins = ['go.mod', 'go.sum'].map((name) => readFileSync(join(module, name)))
  const hash = createHash('sha256').update(goVersion).update(FLAGS.join(' '))
  for (const pin of pins) hash.update(pin)
  const name = `wireguard-go-${target}-${hash.digest('hex').slice(0, 16)}`
  return join(await cached(name, (draft) => compile(target, draft)), 'wireguard-go')
}
