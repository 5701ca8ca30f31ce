// What a release has for Kubernetes, made for tests and read as objects.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { type ChartName, definitionsText } from '../../build/kubernetes/charts.ts'
import { makeKubernetes } from '../../build/kubernetes/make.ts'

export interface Thing {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  /** Of a ConfigMap. */
  readonly data?: Readonly<Record<string, string>>
  /** Of a workload, and of a HelmChart of k3s. */
  readonly spec: {
    readonly template: { readonly metadata: object; readonly spec: object }
    readonly chartContent: string
  }
}

export function things(text: string): readonly Thing[] {
  return parseAllDocuments(text)
    .map((one) => one.toJS() as Thing | null)
    .filter((one) => one !== null)
}

const VERSION = '1.2.3+abc'

export interface Released {
  /** Path of a file. */
  path(name: string): string
  /** Path of a packed chart. */
  chart(name: ChartName): string
  read(name: string): readonly Thing[]
}

/** @testonly */
export function releaseInto(directory: string): Released {
  makeKubernetes({ into: directory, version: VERSION, definitions: definitionsText(), mtimeS: 1_700_000_000 })
  const path: Released['path'] = (name) => join(directory, name)
  return {
    path,
    chart: (name) => path(`${name}-${VERSION}.tgz`),
    read: (name) => things(readFileSync(path(name), 'utf8')),
  }
}
