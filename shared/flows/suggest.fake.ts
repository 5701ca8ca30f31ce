// A device, whom it talks with, and what is on record of that: for tests of what is made of it.

import { type Address, parseAddress } from '../address/cidr.ts'
import type { Endpoint, World } from '../policy/world.ts'
import type { FlowEnd } from './batch.ts'
import type { Dealing } from './dealings.ts'
import { directoryOf } from './ends.ts'

function node(name: string, labels: Endpoint['labels'], ...addresses: readonly string[]): Endpoint {
  return { kind: 'node', name, node: name, labels, addresses: addresses.map(parseAddress), ports: [] }
}

export const self = node('plc', { role: 'plc', site: 'x' }, '10.7.0.1', 'fd07::1')
const others = [
  node('hmi-1', { role: 'hmi', site: 'x' }, '10.7.0.2', 'fd07::2'),
  node('hmi-2', { role: 'hmi', site: 'x' }, '10.7.0.3'),
  node('hmi-3', { role: 'hmi', site: 'y' }, '10.7.0.4'),
  node('spare', { role: 'hmi' }, '10.7.0.5'),
  node('plain', {}, '10.7.0.6'),
  node('bare', {}, '10.7.0.7'),
]
const service: Endpoint = {
  kind: 'service',
  name: 'shop',
  node: '',
  labels: {},
  addresses: [parseAddress('10.7.0.200')],
  ports: [],
}
export const world: World = { defaultPolicy: 'Deny', endpoints: [self, ...others, service], services: [], policies: [] }
export const today = directoryOf(world)
export const addresses = [...others, service]
  .flatMap((one) => one.addresses)
  .concat(parseAddress('192.0.2.9'), parseAddress('fd99::9'))

function endOf(address: Address): FlowEnd {
  const held = today.get(address)
  if (held === undefined) return { address }
  const { kind, labels, name, node: of } = held
  return { address, name, ...(kind === 'service' ? {} : { node: of }), labels }
}

export interface Draft {
  readonly other: Address
  readonly direction: 'ingress' | 'egress'
  readonly protocol: number
  readonly port: number
  readonly answered: number
  readonly verdict: 'accept' | 'drop'
}

export function dealing({ answered, direction, other, port, protocol, verdict }: Draft): Dealing {
  const own = endOf(self.addresses.find((address) => address.includes(':') === other.includes(':')) as Address)
  const [source, destination] = direction === 'ingress' ? [endOf(other), own] : [own, endOf(other)]
  const amount = { packets: 9, bytes: 900 }
  const ports = protocol === 6 || protocol === 17 ? { port } : {}
  const reason = { kind: 'default', direction } as const
  const when = { firstMs: 1_000, lastMs: 2_000 }
  return {
    source,
    destination,
    protocol,
    ...ports,
    direction,
    verdict,
    reason,
    flows: 3,
    backwards: 0,
    answered,
    sent: amount,
    back: amount,
    ...when,
  }
}

export const about = { name: 'least', network: 'default', node: 'plc', fromMs: 0, toMs: 1, lines: [] }
