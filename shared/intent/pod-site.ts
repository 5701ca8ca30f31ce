// How nodes that stand in one cluster know each other.

import type { Labels } from './field.ts'

/**
 * Nodes with the same value reach each other's pods by the network that their cluster has; only others are led there by the
 * mesh. The hub gives it to nodes of clusters that it follows. Policies may select pods by it: each has that of its node.
 */
export const podSiteLabel = 'holdfast.dev/pod-site'

export function isSamePodSite(a: Labels, b: Labels): boolean {
  return Object.hasOwn(a, podSiteLabel) && Object.hasOwn(b, podSiteLabel) && a[podSiteLabel] === b[podSiteLabel]
}
