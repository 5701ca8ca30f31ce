// Of whom and of which direction a policy speaks.

import { type Labels, type Selector, selects } from '../intent/field.ts'
import type { PolicySpec } from '../intent/policy.ts'
import type { Direction } from './decision.ts'
import { defaultNamespace, type Endpoint, namespaceNameLabel } from './world.ts'

type Subject = PolicySpec['subject']

/** `policyTypes` unset or empty: Ingress always, Egress if there is such a section; outside Standard both by their sections. */
export function speaksOf({ egress, ingress, policyTypes, tier }: PolicySpec, direction: Direction): boolean {
  const type = direction === 'ingress' ? 'Ingress' : 'Egress'
  if (policyTypes !== undefined && policyTypes.length > 0) return policyTypes.includes(type)
  const section = direction === 'ingress' ? ingress : egress
  return section !== undefined || (tier === 'Standard' && direction === 'ingress')
}

/** Name and labels must both fit where both are given. */
export function selectsNode(
  { node, nodeSelector }: Subject,
  { labels, name }: { readonly name: string; readonly labels: Labels },
): boolean {
  if (node === undefined && nodeSelector === undefined) return false
  return (node === undefined || node === name) && (nodeSelector === undefined || selects(nodeSelector, labels))
}

/** Pods without a namespace are those of `default`. */
export function isPodSelected(
  pods: Selector | undefined,
  namespaces: Selector | undefined,
  { labels, namespace }: Pick<Endpoint, 'labels' | 'namespace'>,
): boolean {
  if (namespace === undefined || (pods === undefined && namespaces === undefined)) return false
  const inside =
    namespaces === undefined ? namespace[namespaceNameLabel] === defaultNamespace : selects(namespaces, namespace)
  return inside && (pods === undefined || selects(pods, labels))
}

export function isSubject(subject: Subject, endpoint: Endpoint): boolean {
  switch (endpoint.kind) {
    case 'service':
      return false
    case 'pod':
      return isPodSelected(subject.podSelector, subject.namespaceSelector, endpoint)
    case 'node':
      return selectsNode(subject, endpoint)
  }
}
