// Records, facts and local settings to what this device should look like. Pure: the same input gives the same bytes.

import { contains, familyOf, hostCidr, sortCidrs } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { compareText } from '../../shared/bytes.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import { rulesFor } from '../../shared/policy/rules.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { Desired, DesiredPeer, Omission } from './desired.ts'
import { renderRuleset } from './nft.ts'
import type { LocalAddress } from './observed.ts'
import { planRoutes, type RoutePlan } from './routes.ts'
import type { SharedPort } from './share.ts'

export interface DesireInput {
  readonly records: ParsedRecords
  readonly self: NodeId
  readonly wgKey: WgKey
  readonly interface: string
  readonly listenPort: number
  readonly meshPort: number
  /** Absent: this host does not share WireGuard's port. */
  readonly controlPort?: number | undefined
  /** Where to reach peers; a peer without an entry keeps the endpoint it has. */
  readonly endpoints: ReadonlyMap<NodeId, Endpoint>
  readonly local: readonly LocalAddress[]
  /** Keys that peers were known by before those of their records, where WireGuard may still hold them. */
  readonly formerKeys?: ReadonlyMap<NodeId, WgKey>
}

export interface Wish {
  readonly desired: Desired
  readonly omissions: readonly Omission[]
}

function shareOf({ controlPort, listenPort }: DesireInput): SharedPort | undefined {
  return controlPort === undefined ? undefined : { controlPort, listenPort }
}

const NOBODY = { admin: [], isolated: true, standard: [], baseline: [], fallback: 'drop' } as const

/** A device that the newest intent does not contain keeps its interface, and talks to nobody. */
function outcast(input: DesireInput): Wish {
  const { interface: name, listenPort, meshPort, wgKey, records } = input
  const rules = { ingress: NOBODY, egress: NOBODY, unsupported: [] }
  const desired: Desired = {
    interface: name,
    listenPort,
    wgKey,
    mtu: records.network?.spec.mtu ?? 1_420,
    addresses: [],
    peers: [],
    routes: [],
    forwarding: [],
    policy: { interface: name, meshPort, rules, forwards: [] },
    ruleset: renderRuleset({ interface: name, mesh: [], forwards: [] }),
  }
  return { desired, omissions: [{ code: 'not-a-member', detail: 'the newest intent does not contain this node' }] }
}

function peerOf(node: BodyOf<'node'>, input: DesireInput, routes: RoutePlan): DesiredPeer {
  const endpoint = input.endpoints.get(node.nodeId)
  const replaces = input.formerKeys?.get(node.nodeId)
  return {
    node: node.nodeId,
    name: node.name,
    wgKey: node.wgKey,
    ...(replaces === undefined ? {} : { replaces }),
    allowedIps: sortCidrs([...node.addresses.map(hostCidr), ...(routes.through.get(node.name) ?? [])]),
    ...(endpoint === undefined ? {} : { endpoint }),
    keepaliveS: input.records.network?.spec.keepalive ?? 25,
  }
}

export function desire(input: DesireInput): Wish {
  const { records, interface: name, listenPort, meshPort, wgKey } = input
  const self = records.nodes.find((node) => node.nodeId === input.self)
  const spec = records.network?.spec
  // A record with another key is another device that took the place of this one.
  if (self === undefined || spec === undefined || self.wgKey !== wgKey) return outcast(input)
  const routes = planRoutes(records, self, input.local)
  const rules = rulesFor(records, self)
  const mesh = spec.cidr6 === undefined ? [spec.cidr] : [spec.cidr, spec.cidr6]
  const desired: Desired = {
    interface: name,
    listenPort,
    wgKey,
    mtu: spec.mtu,
    // An address out of the local network could be its gateway's: taking it would cut this host off. The overlap itself is
    // among the routes' omissions.
    addresses: sortCidrs(
      self.addresses.map(hostCidr).filter((own) => !input.local.some(({ cidr }) => contains(cidr, own))),
    ),
    peers: records.nodes
      .filter((node) => node.nodeId !== self.nodeId)
      .map((node) => peerOf(node, input, routes))
      .sort((a, b) => compareText(a.wgKey, b.wgKey)),
    routes: routes.routes,
    forwarding: [...new Set(routes.forwards.map((forward) => familyOf(forward.destination)))].sort((a, b) => a - b),
    policy: { interface: name, meshPort, rules, forwards: routes.forwards },
    ruleset: renderRuleset({ interface: name, mesh, forwards: routes.forwards, share: shareOf(input) }),
  }
  const unsupported = rules.unsupported.map((detail) => ({ code: 'intent-unsupported', detail }) as const)
  return { desired, omissions: [...routes.omissions, ...unsupported] }
}
