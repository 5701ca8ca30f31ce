// Where a real kube-apiserver and etcd come from: named by the environment, or Debian's etcd and a kube-apiserver built from its
// Go module, once, and kept outside of the checkout.

import { accessSync, constants, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { type GoSource, goProgram } from './go-program.ts'

const module = join(import.meta.dirname, 'api-server')

/** A server tells its version, which charts ask for; by itself it would be v0.0.0. */
function source(): GoSource {
  const gitVersion = /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(module, 'go.mod'), 'utf8'))?.[1] ?? ''
  const [gitMajor = '', gitMinor = ''] = gitVersion.slice(1).split('.')
  const told = Object.entries({ gitVersion, gitMajor, gitMinor })
  return {
    name: 'kube-apiserver',
    module,
    files: ['go.mod', 'go.sum', 'main.go'],
    package: '.',
    settings: Object.fromEntries(told.map(([name, value]) => [`k8s.io/component-base/version.${name}`, value])),
  }
}

export function inPath(program: string): string | undefined {
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
  return { etcd: store, apiServer: await goProgram(source()) }
}

if (import.meta.main) {
  const why = whyNoApiServer()
  process.stdout.write(why === undefined ? `${(await apiServerPrograms()).apiServer}\n` : `skip: ${why}\n`)
}
