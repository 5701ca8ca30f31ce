// Who serves a Service of Kubernetes, as a Service of the hub says it: nodes where its ports are of type NodePort or
// LoadBalancer, and else the pods that it selects. Pure.

import { HoldfastError } from '../../../shared/errors.ts'
import { fleetingPodLabels } from '../../../shared/fact/fleeting-labels.ts'
import type { Selector } from '../../../shared/intent/field.ts'
import { podSiteLabel } from '../../../shared/intent/pod-site.ts'
import { clusterKey, type DeriveOptions } from './derived.ts'
import type { Terms } from './export-terms.ts'

export interface BackingOptions extends DeriveOptions {
  /** Of the cluster's devices: a port of its nodes is there at all of them. */
  readonly podSites: readonly string[]
}

export type Loose = Readonly<Record<string, unknown>>

export function looseOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null ? (value as Loose) : {}
}

function unsupported(message: string, remedy: string): HoldfastError {
  return new HoldfastError('unsupported', message, { remedy })
}

export function portsIn({ ports }: Loose): readonly Loose[] {
  return Array.isArray(ports) ? ports.map(looseOf) : []
}

/** Each of its ports is one of every node. */
export function isOfNodes(service: Loose): boolean {
  return portsIn(service).every(({ nodePort }) => typeof nodePort === 'number')
}

/** Why the hub can't say it; undefined where it can. `consequence`: what a Service is not then. */
export function obstacle(
  service: Loose,
  { headless }: Pick<Terms, 'headless'>,
  consequence = 'is not exported',
): HoldfastError | undefined {
  if (headless && portsIn(service).length === 0) {
    return unsupported(`a headless Service without ports ${consequence}`, 'Name the port that its pods serve on.')
  }
  if (isOfNodes(service) && !headless) return undefined
  const keys = Object.keys(looseOf(service['selector']))
  if (keys.length === 0) {
    const words = `a Service without a selector, which no port of the nodes leads to, ${consequence}`
    const how = headless ? '' : ', or make it one of type NodePort'
    return unsupported(words, `Give it a selector${how}.`)
  }
  const fleeting = keys.find((key) => fleetingPodLabels.has(key))
  if (fleeting === undefined) return undefined
  const words = `a Service that selects its pods by ${fleeting}, which sites do not tell of them, ${consequence}`
  return unsupported(words, 'Select them by labels of your own.')
}

export function portOf(port: Loose, isOfNode: boolean): object {
  const { name, nodePort, port: number, protocol, targetPort } = port
  const target = isOfNode ? nodePort : targetPort
  return {
    ...(name === undefined ? {} : { name }),
    ...(protocol === undefined ? {} : { protocol }),
    port: number,
    ...(target === undefined ? {} : { targetPort: target }),
  }
}

export function backendsOf({ clusterName, confined, podSites }: BackingOptions): Selector {
  // Not by what such a cluster says of its nodes: it has no word on who stands elsewhere.
  if (confined !== undefined) return { matchLabels: { [clusterKey]: clusterName } }
  const [first = clusterName, ...others] = podSites
  if (others.length === 0) return { matchLabels: { [podSiteLabel]: first } }
  return { matchExpressions: [{ key: podSiteLabel, operator: 'In', values: [...podSites] }] }
}

/** Of the service's pods, where not its nodes serve it. */
export function podsOf(service: Loose, namespace: string): object {
  return {
    namespace,
    podSelector: { matchLabels: service['selector'] },
    ...(service['publishNotReadyAddresses'] === true ? { publishNotReady: true } : {}),
  }
}
