// One Go, whichever is installed: what it makes is the same wherever it is made. A Go since 1.21 fetches the one that is named,
// and Go's checksum database vouches for it; one since 1.19 is asked for it as for any module, and starts it.

import { chmodSync, globSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { cached } from './cache.ts'
import type { ReleaseTarget } from './targets.ts'
import { tool } from './tool.ts'

export const goVersion = '1.26.8'
/** As Go names them. */
export const goProcessors: Readonly<Record<ReleaseTarget, string>> = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' }

/** Minor version of the installed Go, 26 of go1.26.8. */
async function installedMinor(): Promise<number> {
  return Number(/go1\.(\d+)/.exec(await tool('go', ['version'], { env: { GOTOOLCHAIN: 'local' } }))?.[1] ?? 0)
}

/** The pinned Go as a directory, for a Go that can't fetch others by itself. */
async function fetchedGo(): Promise<string> {
  const host = `linux-${goProcessors[`linux-${process.arch}` as ReleaseTarget]}`
  return await cached(`go${goVersion}-${host}`, async (draft) => {
    const spec = `golang.org/toolchain@v0.0.1-go${goVersion}.${host}`
    const { Dir } = JSON.parse(await tool('go', ['mod', 'download', '-json', spec], { cwd: '/' })) as { Dir: string }
    await cp(Dir, draft, { recursive: true })
    // Modules know no executable files.
    const programs = ['bin/*', 'pkg/tool/*/*'].flatMap((pattern) => globSync(pattern, { cwd: draft }))
    for (const program of programs) chmodSync(join(draft, program), 0o755)
  })
}

export interface Go {
  readonly program: string
  readonly env: Readonly<Record<string, string>>
}

export async function pinnedGo(): Promise<Go> {
  const env = { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' }
  if ((await installedMinor()) >= 21) return { program: 'go', env: { ...env, GOTOOLCHAIN: `go${goVersion}` } }
  // GOROOT of the installed one would mislead the fetched one.
  return { program: join(await fetchedGo(), 'bin/go'), env: { ...env, GOTOOLCHAIN: 'local', GOROOT: '' } }
}
