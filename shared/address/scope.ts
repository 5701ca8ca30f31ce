// Which addresses the internet can lead to.

import { type Address, contains, hostCidr, parseCidr } from './cidr.ts'

/** Blocks that nobody routes on the internet: RFC 1918, 6598, 3927, 1122, 4193 and 4291. */
const NOT_PUBLIC = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
].map((text) => parseCidr(text))

export function isPublic(address: Address): boolean {
  const host = hostCidr(address)
  return !NOT_PUBLIC.some((block) => contains(block, host))
}
