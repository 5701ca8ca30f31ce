// The addresses of all nodes in address order, each with its node: a rule that selects nodes then lists their blocks in
// order without reading or sorting an address of its own.

import { blockOf, type Cidr, compareBlock, hostCidr } from '../address/cidr.ts'
import type { BodyOf } from '../record/record.ts'

type Node = BodyOf<'node'>

export interface Host {
  readonly cidr: Cidr
  readonly node: Node
}

/** By the list they were made of: a set in which no node changed has the very list of the set before. */
const known = new WeakMap<readonly Node[], readonly Host[]>()

export function hostsOf(nodes: readonly Node[]): readonly Host[] {
  const before = known.get(nodes)
  if (before !== undefined) return before
  const hosts = nodes
    .flatMap((node) => node.addresses.map(hostCidr).map((cidr) => ({ cidr, node, block: blockOf(cidr) })))
    .sort((a, b) => compareBlock(a.block, b.block))
    .map(({ cidr, node }) => ({ cidr, node }))
  known.set(nodes, hosts)
  return hosts
}
