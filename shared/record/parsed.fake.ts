// A small network as parsed records, for tests of policy, planner and drivers.

import { parseAddress } from '../address/cidr.ts'
import { toBase64 } from '../bytes.ts'
import { type NodeId, parseWgKey, type WgKey } from '../ids.ts'
import { parseWith, specs } from '../intent/resource.ts'
import type { ParsedRecords } from './parsed.ts'
import { type BodyOf, encodeRecord, parseRecord } from './record.ts'

/** A key that is made of one byte; WireGuard accepts any 32. */
export function fakeWgKey(byte: number): WgKey {
  return parseWgKey(toBase64(new Uint8Array(32).fill(byte)))
}

export interface FakeNode {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly advertise?: readonly string[]
  readonly wgKey?: WgKey
  readonly addresses?: readonly string[]
  readonly nodeId?: NodeId
  readonly relay?: BodyOf<'node'>['relay']
}

/** The `index`-th node: 10.77.0.index and fd77::index. */
function fakeNode(index: number, node: FakeNode): BodyOf<'node'> {
  const body = {
    nodeId: node.nodeId ?? `${'abcdefghijklmnopqrstuvwxyz234567'[index] ?? 'a'}aaaaaaaaaaaaaaa`,
    name: node.name,
    labels: node.labels ?? {},
    wgKey: node.wgKey ?? fakeWgKey(index),
    deviceKey: toBase64(new Uint8Array(32).fill(100 + index)),
    addresses: node.addresses ?? [`10.77.0.${index}`, `fd77::${index.toString(16)}`],
    advertise: node.advertise ?? [],
    ...(node.relay === undefined ? {} : { relay: node.relay }),
  }
  // Through the canonical bytes, as every record comes.
  const record = { kind: 'node', id: `node/${node.name}`, body: body as unknown as BodyOf<'node'> } as const
  return parseRecord(encodeRecord(record)).body as BodyOf<'node'>
}

export interface FakeIntent {
  readonly network?: object
  readonly nodes: readonly FakeNode[]
  readonly policies?: Readonly<Record<string, object>>
  readonly routes?: Readonly<Record<string, object>>
  /** The `index`-th has 10.77.0.(200 + index). */
  readonly services?: Readonly<Record<string, object>>
}

export function fakeRecords(intent: FakeIntent): ParsedRecords {
  const plan = { cidr: '10.77.0.0/24', cidr6: 'fd77::/64' }
  const byName = (list: Readonly<Record<string, object>> | undefined): readonly (readonly [string, object])[] =>
    Object.entries(list ?? {}).sort((a, b) => (a[0] < b[0] ? -1 : 1))
  return {
    network: {
      name: 'net' as BodyOf<'network'>['name'],
      spec: parseWith(specs.Network, { ...plan, ...intent.network }),
    },
    canaries: [],
    exits: [],
    nodes: intent.nodes.map((node, index) => fakeNode(index + 1, node)),
    policies: byName(intent.policies).map(([name, spec]) => ({
      name: name as BodyOf<'policy'>['name'],
      spec: parseWith(specs.Policy, spec),
    })),
    routes: byName(intent.routes).map(([name, spec]) => ({
      name: name as BodyOf<'route'>['name'],
      spec: parseWith(specs.Route, spec),
    })),
    services: byName(intent.services).map(([name, spec], index) => ({
      name: name as BodyOf<'service'>['name'],
      addresses: [parseAddress(`10.77.0.${201 + index}`)],
      spec: parseWith(specs.Service, spec),
    })),
    keys: [],
    locks: [],
    roots: [],
  }
}
