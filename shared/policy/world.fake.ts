// A small world of nodes and pods for tests of policy: node `a` and `b`, and pods of two namespaces behind `a`.

import { parseAddress } from '../address/cidr.ts'
import { parseName } from '../ids.ts'
import { fakeRecords } from '../record/parsed.fake.ts'
import { type Endpoint, podEndpoint, type World, worldOf } from './world.ts'

export interface FakePod {
  readonly name: string
  readonly namespace: string
  readonly labels?: Readonly<Record<string, string>>
  readonly addresses: readonly string[]
  readonly ports?: Endpoint['ports']
}

export interface FakeWorld {
  readonly network?: object
  readonly policies?: Readonly<Record<string, object>>
  readonly services?: Readonly<Record<string, object>>
  readonly pods?: readonly FakePod[]
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const NODES = [
  { name: 'a', labels: { role: 'web', site: 'x' } },
  { name: 'b', labels: { role: 'db', site: 'x' } },
  { name: 'c', labels: { role: 'web', site: 'y' } },
]

export function fakeWorld({
  namespaces = {},
  network = {},
  pods = [],
  policies = {},
  services = {},
}: FakeWorld): World {
  const world = worldOf(fakeRecords({ network, nodes: NODES, policies, services }), () => undefined)
  const named = Object.entries(namespaces).map(([name, labels]) => ({ name: parseName(name), labels }))
  const known = pods.map(({ addresses, labels = {}, name, namespace, ports = [] }) =>
    podEndpoint(
      {
        name,
        namespace: parseName(namespace),
        labels,
        addresses: addresses.map(parseAddress),
        ports: ports.map((port) => ({ ...port, name: parseName(port.name) })),
      },
      'a',
      named,
    ),
  )
  return { ...world, endpoints: [...world.endpoints, ...known] }
}

export function endpointOf(world: World, name: string): Endpoint {
  const found = world.endpoints.find((one) => one.name === name)
  if (found === undefined) throw new TypeError(`no endpoint ${name}`)
  return found
}
