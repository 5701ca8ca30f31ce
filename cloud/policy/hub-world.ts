// The world that policy speaks of, as the hub holds it: intent with the addresses that nodes were given, and the pods that nodes
// tell of.

import { parseAddress } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import type { Kind, Resource } from '../../shared/intent/resource.ts'
import { type World, type WorldRecords, worldOf } from '../../shared/policy/world.ts'
import type { Hub } from '../hub.ts'

export type Policies = World['policies']

export interface HubWorld {
  readonly world: World
  readonly policies: Policies
  /** The same nodes, pods and services under other policies. */
  readonly with: (policies: Policies) => World
}

function ofNetwork<K extends Kind>(hub: Pick<Hub, 'intended'>, kind: K, network: string) {
  return hub.intended(kind).flatMap(({ addresses, resource }) => {
    const { metadata, spec } = resource as Resource<K>
    if ((spec as { readonly network?: string }).network !== network) return []
    return [{ name: parseName(metadata.name), spec, addresses: addresses.map(parseAddress) }]
  })
}

/** Throws `not-found`. */
export function hubWorld(hub: Pick<Hub, 'intended' | 'fleet'>, network: string): HubWorld {
  const held = hub.intended('Network').find(({ resource }) => resource.metadata.name === network)
  if (held === undefined) {
    throw new HoldfastError('not-found', `there is no network "${network.slice(0, 70)}"`, {
      remedy: 'See `holdfast-hub get networks`.',
    })
  }
  const facts = new Map(hub.fleet().map(({ fact, name }) => [name, fact]))
  const nodes = ofNetwork(hub, 'Node', network).flatMap(({ addresses, name, spec }) => {
    const own = spec.addresses?.map(parseAddress) ?? addresses
    const { advertise, disabled, labels } = spec
    return disabled || own.length === 0 ? [] : [{ name, labels, addresses: own, advertise }]
  })
  const policies: Policies = ofNetwork(hub, 'Policy', network).map(({ name, spec }) => ({ name, spec }))
  const records: WorldRecords = {
    network: { name: parseName(network), spec: (held.resource as Resource<'Network'>).spec },
    nodes,
    services: ofNetwork(hub, 'Service', network),
    policies,
    routes: ofNetwork(hub, 'Route', network),
  }
  const world = worldOf(records, (node) => facts.get(node.name))
  return { world, policies, with: (others) => ({ ...world, policies: others }) }
}
