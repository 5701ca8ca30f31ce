// What loopback has for tests. Containers often have no IPv6 there: what is tried by both families is then tried by one.

import { networkInterfaces } from 'node:os'

/** Addresses of this host, of every family it has. */
export function loopbacks(): readonly ['127.0.0.1', ...'::1'[]] {
  const has6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
  return has6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']
}
