// Where a Service is found from outside the mesh, as the status of it says: by the word of the gateways that take connections for
// it, and of those that shall and do not. Pure.

import { compareText } from '../../shared/bytes.ts'
import { selects } from '../../shared/intent/field.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import type { FleetNode } from '../hub.ts'
import type { ResourceCondition } from '../resource-condition.ts'
import { names } from './names.ts'
import type { Candidate } from './serving.ts'

type Draft = Pick<ResourceCondition, 'type' | 'status' | 'reason' | 'message'>

/** Undefined where it is not published at all. `nodes`: members of its network. `fleet`: what devices have said last. */
export function publishedAt(
  { metadata: { name }, spec: { publish } }: Resource<'Service'>,
  nodes: readonly Candidate[],
  fleet: readonly Pick<FleetNode, 'health' | 'name' | 'report'>[],
): Draft | undefined {
  if (publish === undefined) return undefined
  const gateways = nodes.filter(({ labels }) => publish.some((one) => selects(one.gateways, labels)))
  if (gateways.length === 0) {
    const message = 'gateways selects no member: it is published nowhere'
    return { type: 'Published', status: 'False', reason: 'NoGateways', message }
  }
  const own = new Set(gateways.map((one) => one.name))
  const places: string[] = []
  const refused: string[] = []
  const silent = new Set(own)
  for (const { health, name: node, report } of fleet) {
    if (!own.has(node)) continue
    const at = (report?.published ?? []).filter(({ service }) => service === name)
    if (at.length > 0) silent.delete(node)
    places.push(...at.map((one) => `${one.protocol} ${one.at} by ${node}`))
    const detail = health.find(({ code }) => code === 'not-published')?.detail
    const said = (detail ?? '').split('; ').filter((sentence) => sentence.startsWith(`Service/${name} `))
    refused.push(...said.map((sentence) => `${node}: ${sentence}`))
  }
  const parts = [
    ...(places.length === 0 ? [] : [names(places.sort(compareText))]),
    ...(silent.size === 0 ? [] : [`not by ${names([...silent].sort(compareText))}`]),
    ...refused.sort(compareText),
  ]
  const isWhole = silent.size === 0 && refused.length === 0
  const status = places.length === 0 ? 'False' : isWhole ? 'True' : 'Unknown'
  const reason = places.length === 0 ? 'NotPublished' : isWhole ? 'Published' : 'PartlyPublished'
  return { type: 'Published', status, reason, message: parts.join('; ') }
}
