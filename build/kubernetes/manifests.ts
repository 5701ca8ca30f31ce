// Manifests for people without Helm: rendered from the charts by Helm itself, once for all versions, and kept in manifests/,
// where a test holds them to the charts. And for k3s, whose own controller installs a chart that lies in a file.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ChartName, type ChartOptions, versionTag, withVersion } from './charts.ts'
import { type Namespace, namespaceText } from './namespaces.ts'

const here = import.meta.dirname

export interface Rendering {
  /** File in manifests/, without `.yaml`, and in a release with `holdfast-` before it. */
  readonly name: 'hub' | 'agent' | 'kubeedge' | 'cluster'
  readonly chart: ChartName
  readonly namespace: Namespace
  /** What Helm is told besides. */
  readonly values: object
}

/** For people to put their own in its place. */
const hubUrl = 'https://hub.example.org:8443'
const join_ = { existingSecret: 'holdfast-join' }

export const renderings: readonly Rendering[] = [
  { name: 'hub', chart: 'holdfast-hub', namespace: 'holdfast', values: { crds: { install: false } } },
  {
    name: 'agent',
    chart: 'holdfast-agent',
    namespace: 'holdfast-agent',
    values: { hub: { url: hubUrl }, join: join_ },
  },
  {
    name: 'kubeedge',
    chart: 'holdfast-agent',
    namespace: 'holdfast-agent',
    values: {
      hub: { url: hubUrl },
      join: join_,
      fullnameOverride: 'holdfast-edge',
      nodeSelector: { 'node-role.kubernetes.io/edge': '' },
      // The edge's own copy of what concerns its node, which is there with the cloud away.
      pods: { from: 'http://127.0.0.1:10550' },
      // Devices without a clock of their own wake up in 1970.
      setClock: true,
    },
  },
  {
    name: 'cluster',
    chart: 'holdfast-cluster',
    namespace: 'holdfast-cluster',
    values: { hub: { url: hubUrl }, key: { existingSecret: 'holdfast-cluster' }, crds: { install: false } },
  },
]

/** With the version of a release in it; the definitions come first. */
export function manifestText({ name, namespace }: Rendering, { definitions, version }: ChartOptions): string {
  const rendered = readFileSync(join(here, 'manifests', `${name}.yaml`), 'utf8')
  const parts = [namespaceText(namespace), ...(name === 'hub' || name === 'cluster' ? [definitions] : [])]
  return `${parts.join('---\n')}${withVersion(rendered, versionTag(version))}`
}

/**
 * For /var/lib/rancher/k3s/server/manifests of a site without a registry: the chart is in it, and images are put beside it.
 * Values are given by a HelmChartConfig of the same name, so that this file stays as it is released.
 */
export function k3sText(name: ChartName, namespace: Namespace, chart: Uint8Array): string {
  return `${namespaceText(namespace)}---
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata:
  name: ${name}
  namespace: kube-system
spec:
  targetNamespace: ${namespace}
  # A site that nobody looks after keeps what runs, and does not begin anew.
  failurePolicy: abort
  chartContent: ${Buffer.from(chart).toString('base64')}
`
}
