// Clusters that are followed by their agents, as metrics.

import { type Family, gauge, type Sample } from '../../shared/metrics-text.ts'
import type { ClusterView } from '../clusters/clusters.ts'

/** None where there are no clusters. */
export function clusterMetrics(clusters: readonly ClusterView[]): readonly Family[] {
  if (clusters.length === 0) return []
  const per = (value: (one: ClusterView) => number | undefined): Sample[] =>
    clusters.flatMap((one): Sample[] => {
      const figure = value(one)
      return figure === undefined ? [] : [[{ cluster: one.name }, figure]]
    })
  return [
    gauge(
      'holdfast_cluster_connected',
      'Whether the agent of a cluster is there, and all that the cluster holds was heard.',
      per(({ state }) => (state === 'connected' ? 1 : 0)),
    ),
    gauge(
      'holdfast_cluster_last_contact_timestamp_seconds',
      'Last word of the agent of a cluster.',
      per(({ lastContact }) => (lastContact === undefined ? undefined : lastContact / 1_000)),
    ),
    gauge(
      'holdfast_cluster_problem',
      'Whether something keeps a cluster from being followed as it is.',
      per(({ problem }) => (problem === undefined ? 0 : 1)),
    ),
    gauge(
      'holdfast_cluster_objects',
      'Objects that the agent of a cluster told of.',
      per(({ objects }) => objects),
    ),
    gauge(
      'holdfast_cluster_imports',
      'ServiceImports of the hub that are in a cluster.',
      per(({ imports }) => imports),
    ),
    gauge(
      'holdfast_cluster_records',
      'Policies, routes and services that follow from objects of a cluster.',
      clusters.flatMap(({ name: cluster, policies, routes, services }): Sample[] => [
        [{ cluster, kind: 'policy' }, policies],
        [{ cluster, kind: 'route' }, routes],
        [{ cluster, kind: 'service' }, services],
      ]),
    ),
  ]
}
