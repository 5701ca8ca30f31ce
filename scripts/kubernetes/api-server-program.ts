// Where a real kube-apiserver and etcd come from: named by the environment, or Debian's etcd and a kube-apiserver built from its
// Go module, once, and kept outside of the checkout.

import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { accessSync, constants, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from '../../build/single/cache.ts'
import { pinnedGo } from '../../build/single/go.ts'
import { HoldfastError } from '../../shared/errors.ts'

const source = join(import.meta.dirname, 'api-server')
/** Of what is built. */
const FILES = ['go.mod', 'go.sum', 'main.go']
/** Twenty minutes on two idle cores would be slow; a machine that tests beside it takes its time. */
const BUILD_TIMEOUT_MS = 40 * 60_000

function inPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

const etcd = (): string | undefined => process.env['ETCD'] ?? inPath('etcd')
const apiServer = (): string | undefined => process.env['KUBE_APISERVER']

/** Why there is no API server to test with, as a sentence; undefined where there is one, or can be. */
export function whyNoApiServer(): string | undefined {
  if (etcd() === undefined) return 'needs etcd: install etcd-server, or name it in ETCD'
  if (apiServer() !== undefined || inPath('go') !== undefined) return undefined
  return 'needs a kube-apiserver: name one in KUBE_APISERVER, or install Go 1.19 or newer to build it'
}

async function build(into: string): Promise<void> {
  const go = await pinnedGo()
  const argv = ['build', '-trimpath', '-ldflags', '-s -w', '-o', into, '.']
  // It has the time of all tests before it: those go first.
  const child = spawn('chrt', ['--idle', '0', 'nice', '-n', '19', go.program, ...argv], {
    cwd: source,
    env: { ...process.env, ...go.env, GOFLAGS: '-mod=readonly -buildvcs=false' },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BUILD_TIMEOUT_MS,
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2_000)))
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new HoldfastError('failed', `kube-apiserver was not built: ${complaint.trim() || `code ${code}`}`))
    })
  })
}

export interface ApiServerPrograms {
  readonly etcd: string
  readonly apiServer: string
}

/** Builds what has to be built; throws where there is none to be had. */
export async function apiServerPrograms(): Promise<ApiServerPrograms> {
  const [store, named] = [etcd(), apiServer()]
  const why = whyNoApiServer()
  if (why !== undefined || store === undefined) throw new HoldfastError('unsupported', why ?? 'no etcd')
  if (named !== undefined) return { etcd: store, apiServer: named }
  const version = hash('sha256', FILES.map((name) => readFileSync(join(source, name), 'utf8')).join('\n'), 'hex')
  const path = await cached(`kube-apiserver-${version.slice(0, 16)}`, build)
  return { etcd: store, apiServer: path }
}

if (import.meta.main) {
  const why = whyNoApiServer()
  process.stdout.write(why === undefined ? `${(await apiServerPrograms()).apiServer}\n` : `skip: ${why}\n`)
}
