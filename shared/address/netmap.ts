// Blocks of one size mapped onto each other, address by address: how subnets that overlap are told apart in the mesh.

import { type Address, addressAt, blockOf, type Cidr, contains, hostCidr } from './cidr.ts'

/** The address in `to` at the place where `address` stands in `from`; undefined for one that is not in `from`. */
export function mapAddress(address: Address, from: Cidr, to: Cidr): Address | undefined {
  const host = hostCidr(address)
  return contains(from, host) ? addressAt(to, blockOf(host).value - blockOf(from).value) : undefined
}
