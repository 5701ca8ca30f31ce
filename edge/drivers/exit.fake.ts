// A way out with one of all that a kernel is asked for, for tests of drivers.

import { type Cidr, parseAddress } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { exitSetup } from '../plan/exit-setup.ts'
import type { ExitSetup } from '../plan/led-out.ts'

/** Lost where there are several resolvers. */
export function fakeExit(name: string, resolvers: readonly string[]): ExitSetup {
  const setup = exitSetup({
    interface: name,
    mesh: ['10.77.0.0/24' as Cidr, 'fd77::/64' as Cidr],
    addresses: [parseAddress('10.77.0.1'), parseAddress('fd77::1')],
    whenLost: 'Closed',
    isLost: resolvers.length > 1,
    resolvers: resolvers.map(parseAddress),
    words: {
      ports: [51_830, 51_821],
      contacts: [
        { protocol: 'tcp', address: parseAddress('192.0.2.1'), port: 8_443 },
        { protocol: 'udp', address: parseAddress('2001:db8::1'), port: 3_478 },
      ],
    },
    local: [
      { interface: 'eth0', address: parseAddress('192.0.2.7'), cidr: '192.0.2.0/24' as Cidr, physical: true },
      { interface: 'wlan0', address: parseAddress('2001:db8::7'), cidr: '2001:db8::/64' as Cidr, physical: true },
    ],
  })
  if (setup === undefined) throw new HoldfastError('failed', 'a closed exit has a setup')
  return setup
}
