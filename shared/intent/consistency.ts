// What no single object can get wrong: references to nothing, blocks that overlap, addresses given twice.

import { type Address, type Cidr, contains, familyOf, hostCidr, overlaps } from '../address/cidr.ts'
import { meshBlocks } from '../address/mesh-blocks.ts'
import { nestedPairs } from '../address/nesting.ts'
import { isUsable } from '../address/usable.ts'
import { HoldfastError } from '../errors.ts'
import { checkPools } from './pool-checks.ts'
import { checkRenumberPlan } from './renumber-checks.ts'
import type { AnyResource, Kind, Resource } from './resource.ts'
import { routeProbe } from './route-probe.ts'

type Fault = (message: string, field: string, remedy: string) => void

function kindOf<K extends Kind>(all: readonly AnyResource[], kind: K): readonly Resource<K>[] {
  return all.filter((resource) => resource.kind === kind) as unknown as readonly Resource<K>[]
}

function blocksOf(network: Resource<'Network'>): readonly Cidr[] {
  return meshBlocks(network.spec)
}

function checkNetworks(networks: readonly Resource<'Network'>[], fault: Fault): void {
  for (const { metadata, spec } of networks) {
    checkRenumberPlan(spec, (message, field, remedy) =>
      fault(message, `Network/${metadata.name} spec.${field}`, remedy),
    )
    checkPools(spec, (message, field, remedy) => fault(message, `Network/${metadata.name} spec.${field}`, remedy))
  }
  const blocks = networks.flatMap((network) => blocksOf(network).map((block) => ({ network, block })))
  const blamed = new Set<string>()
  for (const [before, after] of nestedPairs(blocks.map((one) => one.block))) {
    const [a, b] = [blocks[before], blocks[after]]
    if (a === undefined || b === undefined) continue
    const key = familyOf(b.block) === 4 ? 'cidr' : 'cidr6'
    const isOther = b.block !== b.network.spec[key]
    const field = `Network/${b.network.metadata.name} spec.${isOther ? 'renumber.' : ''}${key}`
    // Once is enough for a block that swallows a thousand others.
    if (blamed.has(field)) continue
    blamed.add(field)
    fault(`${b.block} overlaps ${a.block} of Network/${a.network.metadata.name}`, field, 'Choose a block of its own.')
  }
}

function checkReferences(
  all: readonly AnyResource[],
  networks: ReadonlyMap<string, Resource<'Network'>>,
  fault: Fault,
): void {
  for (const { kind, metadata, spec } of all) {
    if (!('network' in spec) || networks.has(spec.network)) continue
    fault(
      `there is no network "${spec.network}"`,
      `${kind}/${metadata.name} spec.network`,
      networks.size === 0 ? 'Apply a Network first.' : `Use one of: ${[...networks.keys()].sort().join(', ')}.`,
    )
  }
}

function checkAddress(address: Address, field: string, network: Resource<'Network'>, fault: Fault): void {
  const blocks = blocksOf(network)
  const block = blocks.find((one) => contains(one, hostCidr(address)))
  if (block === undefined) {
    const where = `network ${network.metadata.name} (${blocks.join(', ')})`
    fault(`${address} is outside ${where}`, field, 'Choose one inside, or leave it out.')
  } else if (!isUsable(block, address)) {
    const remedy = 'The first two addresses of a block and, in IPv4, the last one are reserved. Choose another inside.'
    fault(`${address} is kept free in ${block}`, field, remedy)
  }
}

function checkNodes(
  nodes: readonly Resource<'Node'>[],
  networks: ReadonlyMap<string, Resource<'Network'>>,
  fault: Fault,
): void {
  const owners = new Map<string, string>()
  for (const { metadata, spec } of nodes) {
    const network = networks.get(spec.network)
    const where = `Node/${metadata.name} spec`
    for (const [i, address] of (spec.addresses ?? []).entries()) {
      const field = `${where}.addresses[${i}]`
      const owner = owners.get(address)
      if (owner !== undefined) {
        fault(`${address} belongs to Node/${owner} already`, field, 'Give each node its own address.')
      } else if (spec.addresses?.some((other, at) => at < i && familyOf(other) === familyOf(address)) === true) {
        const message = `${address} is a second IPv${familyOf(address)} address`
        fault(message, field, 'Keep one IPv4 and one IPv6 address at most.')
      }
      owners.set(address, metadata.name)
      if (network !== undefined) checkAddress(address, field, network, fault)
    }
    for (const [i, block] of spec.advertise.entries()) {
      const mesh = network === undefined ? undefined : blocksOf(network).find((own) => overlaps(own, block))
      if (mesh === undefined) continue
      const message = `${block} overlaps the mesh itself (${mesh})`
      fault(message, `${where}.advertise[${i}]`, 'A node advertises what lies behind it.')
    }
  }
}

/** What a subnet is called in the mesh, and the field that says so. */
function nameInMesh({ metadata, spec }: Resource<'Route'>): { readonly block: Cidr; readonly field: string } {
  const field = spec.mapTo === undefined ? 'destination' : 'mapTo'
  return { block: spec.mapTo ?? spec.destination, field: `Route/${metadata.name} spec.${field}` }
}

function checkRoutePair(a: Resource<'Route'>, b: Resource<'Route'>, fault: Fault): void {
  const { block: other } = nameInMesh(a)
  const { block: mine, field } = nameInMesh(b)
  const rival = `Route/${a.metadata.name}`
  if (mine !== other) {
    if (a.spec.mapTo === undefined && b.spec.mapTo === undefined) return
    fault(`${mine} overlaps ${other} of ${rival}`, field, 'Choose another block for mapTo.')
  } else if (a.spec.nat !== b.spec.nat) {
    const message = `${mine} is also the destination of ${rival}, with nat: ${a.spec.nat}`
    fault(message, field, 'Give both the same nat, or map one of them with nat: netmap.')
  } else if (a.spec.destination !== b.spec.destination) {
    fault(`${mine} stands for ${a.spec.destination} in ${rival} already`, field, 'Choose another block for mapTo.')
  }
}

function checkRoutes(
  routes: readonly Resource<'Route'>[],
  networks: ReadonlyMap<string, Resource<'Network'>>,
  fault: Fault,
): void {
  for (const { metadata, spec } of routes) {
    const network = networks.get(spec.network)
    if (spec.probe !== undefined && routeProbe(spec) === undefined) {
      const where = spec.mapTo === undefined ? spec.destination : `${spec.destination} and ${spec.mapTo}`
      const remedy = 'Name a machine in the subnet that answers pings, or leave it out.'
      fault(`${spec.probe} is outside ${where}`, `Route/${metadata.name} spec.probe`, remedy)
    }
    for (const [field, block] of [
      ['destination', spec.destination],
      ['mapTo', spec.mapTo],
    ] as const) {
      const mesh =
        network === undefined || block === undefined ? undefined : blocksOf(network).find((own) => overlaps(own, block))
      if (mesh !== undefined) {
        fault(
          `${block} overlaps the mesh itself (${mesh})`,
          `Route/${metadata.name} spec.${field}`,
          'Choose another block, or another Network cidr.',
        )
      }
    }
  }
  for (const siblings of Map.groupBy(routes, (route) => route.spec.network).values()) {
    // Blocks next to each other are enough: where a mapped one holds or lies in any other, it also does in its neighbour.
    for (const [before, after] of nestedPairs(siblings.map((route) => nameInMesh(route).block))) {
      const [a, b] = [siblings[before], siblings[after]]
      if (a !== undefined && b !== undefined) checkRoutePair(a, b, fault)
    }
  }
}

/** Everything that contradicts in a whole set of intent, in a stable order; empty where all fits. */
export function checkConsistency(all: readonly AnyResource[]): readonly HoldfastError[] {
  const faults: HoldfastError[] = []
  const fault: Fault = (message, field, remedy) =>
    void faults.push(new HoldfastError('invalid', message, { field, remedy }))
  const networks = new Map(kindOf(all, 'Network').map((network) => [network.metadata.name as string, network]))
  checkReferences(all, networks, fault)
  checkNetworks([...networks.values()], fault)
  checkNodes(kindOf(all, 'Node'), networks, fault)
  checkRoutes(kindOf(all, 'Route'), networks, fault)
  return faults
}
