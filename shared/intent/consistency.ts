// What no single object can get wrong: references to nothing, blocks that overlap, addresses given twice.

import { type Cidr, contains, hostCidr, overlaps } from '../address/cidr.ts'
import { HoldfastError } from '../errors.ts'
import type { AnyResource, Kind, Resource } from './resource.ts'

type Fault = (message: string, field: string, remedy: string) => void

function kindOf<K extends Kind>(all: readonly AnyResource[], kind: K): readonly Resource<K>[] {
  return all.filter((resource) => resource.kind === kind) as unknown as readonly Resource<K>[]
}

function blocksOf(network: Resource<'Network'>): readonly Cidr[] {
  return network.spec.cidr6 === undefined ? [network.spec.cidr] : [network.spec.cidr, network.spec.cidr6]
}

/** Pairs of `list`, each once. */
function* pairs<T>(list: readonly T[]): Generator<readonly [T, T]> {
  for (const [i, a] of list.entries()) for (const b of list.slice(i + 1)) yield [a, b]
}

function checkNetworks(networks: readonly Resource<'Network'>[], fault: Fault): void {
  for (const [a, b] of pairs(networks)) {
    for (const mine of blocksOf(b)) {
      for (const other of blocksOf(a)) {
        if (!overlaps(mine, other)) continue
        const field = mine === b.spec.cidr ? 'cidr' : 'cidr6'
        fault(
          `${mine} overlaps ${other} of Network/${a.metadata.name}`,
          `Network/${b.metadata.name} spec.${field}`,
          'Choose a block of its own.',
        )
      }
    }
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
      if (owner !== undefined)
        fault(`${address} belongs to Node/${owner} already`, field, 'Give each node its own address.')
      owners.set(address, metadata.name)
      if (network !== undefined && !blocksOf(network).some((block) => contains(block, hostCidr(address)))) {
        fault(
          `${address} is outside network ${spec.network} (${blocksOf(network).join(', ')})`,
          field,
          'Choose one inside, or leave it out.',
        )
      }
    }
    for (const [i, block] of spec.advertise.entries()) {
      const mesh = network === undefined ? undefined : blocksOf(network).find((own) => overlaps(own, block))
      if (mesh !== undefined) {
        fault(
          `${block} overlaps the mesh itself (${mesh})`,
          `${where}.advertise[${i}]`,
          'A node advertises what lies behind it.',
        )
      }
    }
  }
}

function checkRoutes(
  routes: readonly Resource<'Route'>[],
  networks: ReadonlyMap<string, Resource<'Network'>>,
  fault: Fault,
): void {
  for (const { metadata, spec } of routes) {
    const network = networks.get(spec.network)
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
  for (const [a, b] of pairs(routes)) {
    if (a.spec.network !== b.spec.network) continue
    const mine = b.spec.mapTo ?? b.spec.destination
    const other = a.spec.mapTo ?? a.spec.destination
    const field = `Route/${b.metadata.name} spec.${b.spec.mapTo === undefined ? 'destination' : 'mapTo'}`
    if (mine === other && a.spec.nat !== b.spec.nat) {
      fault(
        `${mine} is also the destination of Route/${a.metadata.name}, with nat: ${a.spec.nat}`,
        field,
        'Give both the same nat, or map one of them with nat: netmap.',
      )
    }
    if (mine !== other && (a.spec.mapTo !== undefined || b.spec.mapTo !== undefined) && overlaps(mine, other)) {
      fault(`${mine} overlaps ${other} of Route/${a.metadata.name}`, field, 'Choose another block for mapTo.')
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
