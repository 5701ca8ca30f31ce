// The world that policy speaks of, gathered over the API: intent as the hub has it, with what files would change, and the pods
// that nodes tell of.

import { parseAddress } from '../../shared/address/cidr.ts'
import { listFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type AnyResource, type Kind, plural, type SpecOf } from '../../shared/intent/resource.ts'
import { parseDocuments } from '../../shared/intent/yaml.ts'
import { type World, type WorldRecords, worldOf } from '../../shared/policy/world.ts'
import type { List, Presented, ShownNode } from '../api/answers.ts'
import type { Context } from './context.ts'
import { readSource } from './intent-commands.ts'

/** A resource with the addresses that the hub gave it. */
interface Held<K extends Kind> {
  readonly name: AnyResource['metadata']['name']
  readonly spec: SpecOf<K>
  readonly addresses: readonly string[]
}

async function readFiles(context: Context): Promise<readonly AnyResource[]> {
  const resources: AnyResource[] = []
  for (const file of listFlag(context.flags, 'file')) resources.push(...parseDocuments(await readSource(context, file)))
  return resources
}

/** Those of a kind, by name: what a file says stands in place of what the hub has. */
async function gather<K extends Kind>(
  context: Context,
  kind: K,
  files: readonly AnyResource[],
): Promise<readonly Held<K>[]> {
  const { items } = await context.client().get<List<Presented<K>>>(`/api/v1/${plural[kind]}`)
  const held = new Map<string, Held<K>>()
  for (const { metadata, spec, status } of items) {
    held.set(metadata.name, { name: metadata.name, spec, addresses: status.addresses ?? [] })
  }
  for (const resource of files) {
    if (resource.kind !== kind) continue
    const { name } = resource.metadata
    held.set(name, { name, spec: resource.spec, addresses: held.get(name)?.addresses ?? [] })
  }
  return [...held.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Nodes that have joined, or that ask for their addresses. */
function nodeOf({ addresses, name, spec }: Held<'Node'>): readonly WorldRecords['nodes'][number][] {
  const { advertise, disabled, labels } = spec
  const own = (spec.addresses ?? addresses).map(parseAddress)
  return disabled || own.length === 0 ? [] : [{ name, labels, addresses: own, advertise }]
}

/** Of the network that --network names. */
export async function gatherWorld(context: Context): Promise<World> {
  const wanted = textFlag(context.flags, 'network') ?? 'default'
  const files = await readFiles(context)
  const network = (await gather(context, 'Network', files)).find(({ name }) => name === wanted)
  if (network === undefined) {
    throw new HoldfastError('not-found', `there is no network "${wanted.slice(0, 70)}"`, {
      remedy: 'See `holdfast-hub get networks`.',
    })
  }
  const isOurs = ({ spec }: { readonly spec: { readonly network: string } }): boolean => spec.network === wanted
  const nodes = (await gather(context, 'Node', files)).filter(isOurs)
  const services = (await gather(context, 'Service', files)).filter(isOurs)
  const policies = (await gather(context, 'Policy', files)).filter(isOurs)
  const routes = (await gather(context, 'Route', files)).filter(isOurs)
  const { items: fleet } = await context.client().get<List<ShownNode>>('/api/v1/fleet')
  const records: WorldRecords = {
    network: { name: network.name, spec: network.spec },
    nodes: nodes.flatMap(nodeOf),
    services: services.map(({ addresses, name, spec }) => ({ name, spec, addresses: addresses.map(parseAddress) })),
    policies: policies.map(({ name, spec }) => ({ name, spec })),
    routes,
  }
  return worldOf(records, (node) => fleet.find(({ name }) => name === node.name)?.fact)
}
