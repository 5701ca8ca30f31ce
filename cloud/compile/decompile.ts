// Records back to intent, for a hub that lost its own and has but what devices hold. What a record does not carry, nobody but
// the lost hub knew: labels and annotations of resources, pools of addresses, devices that were disabled or had not
// joined, whether a node's addresses were asked for or given, and the ports of a relay that was switched off.

import type { Address } from '../../shared/address/cidr.ts'
import type { Name } from '../../shared/ids.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { type AnyResource, apiVersion, type Kind, parseResource } from '../../shared/intent/resource.ts'
import type { AnyRecord, BodyOf, NodeBody } from '../../shared/record/record.ts'
import type { Enrolment } from '../store/hub-store.ts'

/** What the hub kept of one record. Undefined parts: it kept none. */
export interface Origin {
  readonly resource: AnyResource
  /** Given for good. */
  readonly addresses?: readonly Address[]
  /** Of a node: the device that is enrolled under its name. */
  readonly enrolment?: Enrolment
}

function resourceOf(kind: Kind, name: string, spec: unknown): AnyResource {
  return parseResource({ apiVersion, kind, metadata: { name }, spec })
}

function nodeOf({
  body,
  network,
  now,
}: {
  readonly body: NodeBody
  readonly network: Name
  readonly now: number
}): Origin {
  const { addresses, advertise, deviceKey, labels, membership, name, nodeId, publicEndpoint, relay, wgKey } = body
  const signed = {
    ...(membership === undefined ? {} : { signatures: membership }),
    ...(body.wgSerial === undefined ? {} : { wgSerial: body.wgSerial }),
    ...(body.deviceSerial === undefined ? {} : { deviceSerial: body.deviceSerial }),
    ...(body.next === undefined
      ? {}
      : { next: { wgKey: body.next.wgKey, serial: body.next.serial, signatures: body.next.membership } }),
  }
  const spec = {
    network,
    labels,
    ...(publicEndpoint === undefined ? {} : { publicEndpoint }),
    ...(relay === undefined ? {} : { relay: { enabled: true, ...relay } }),
    advertise,
  }
  return {
    resource: resourceOf('Node', name, spec),
    addresses,
    // The token it joined with is forgotten: none can be used again.
    enrolment: { name, nodeId, network, wgKey, deviceKey, state: 'approved', tokenId: '', at: now, ...signed },
  }
}

/** Older hubs did not tell devices which way it goes: back is the step that waits for all, and from which either way leads on. */
function intentOf({ spec }: BodyOf<'network'>): NetworkSpec {
  const { renumber, ...rest } = spec
  return renumber === undefined ? rest : { ...rest, renumber: { ...renumber, step: renumber.step ?? 'Return' } }
}

/** Undefined for what comes from no resource: signing and root keys, membership locks, verdicts on overrides. */
export function originOf(record: AnyRecord, network: Name, now: number): Origin | undefined {
  switch (record.kind) {
    case 'network':
      return { resource: resourceOf('Network', record.body.name, intentOf(record.body)) }
    case 'node':
      return nodeOf({ body: record.body, network, now })
    case 'canary':
      return { resource: resourceOf('Canary', record.body.name, record.body.spec) }
    case 'policy':
      return { resource: resourceOf('Policy', record.body.name, record.body.spec) }
    case 'route':
      return { resource: resourceOf('Route', record.body.name, record.body.spec) }
    case 'exit':
      return { resource: resourceOf('Exit', record.body.name, record.body.spec) }
    case 'service':
      return { resource: resourceOf('Service', record.body.name, record.body.spec), addresses: record.body.addresses }
    case 'key':
    case 'root':
    case 'lock':
    case 'verdict':
      return undefined
  }
}
