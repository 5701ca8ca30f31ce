// What a release has for Kubernetes: the charts, and manifests for those who apply files.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { charts, packChart } from './charts.ts'
import { k3sText, manifestText, renderings } from './manifests.ts'

export interface KubernetesOptions {
  /** Directory that they are written to. */
  readonly into: string
  readonly version: string
  /** `definitionsText`. */
  readonly definitions: string
  /** Of all that is packed; seconds since the Unix epoch. */
  readonly mtimeS: number
}

export interface KubernetesFile {
  readonly path: string
  readonly kind: 'chart' | 'manifest'
}

const NAMESPACES = {
  'holdfast-hub': 'holdfast',
  'holdfast-agent': 'holdfast-agent',
  'holdfast-cluster': 'holdfast-cluster',
} as const

export function makeKubernetes({ definitions, into, mtimeS, version }: KubernetesOptions): readonly KubernetesFile[] {
  mkdirSync(into, { recursive: true })
  const write = (kind: KubernetesFile['kind'], name: string, content: string | Uint8Array): KubernetesFile => {
    const path = join(into, name)
    writeFileSync(path, content)
    return { path, kind }
  }
  const options = { version, definitions }
  const packed = charts.flatMap((name) => {
    const chart = packChart(name, options, mtimeS)
    return [
      write('chart', `${name}-${version}.tgz`, chart),
      write('manifest', `${name}-k3s.yaml`, k3sText(name, NAMESPACES[name], chart)),
    ]
  })
  const applied = renderings.map((one) => write('manifest', `holdfast-${one.name}.yaml`, manifestText(one, options)))
  return [...packed, ...applied]
}
