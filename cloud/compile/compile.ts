// Intent to records. Each object compiles alone, so one change costs one compilation, whatever the size of the fleet.

import type { Address } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import type { AnyResource, Resource } from '../../shared/intent/resource.ts'
import { recordBytesMax } from '../../shared/limits.ts'
import type { Judge } from '../../shared/record/member.ts'
import { type AnyRecord, type BodyOf, encodeRecord, type NodeBody, parseRecord } from '../../shared/record/record.ts'
import { signaturesOver } from '../lock/signed-lists.ts'
import type { Enrolment } from '../store/hub-store.ts'

/** Id of the record of a resource, and its name among the owners of addresses. */
export function recordIdOf({ kind, metadata }: AnyResource): string {
  return `${kind.toLowerCase()}/${metadata.name}`
}

/**
 * Who has its addresses. A service that several clusters export is one, and has one virtual address for as long as any of them
 * exports it (KEP-1645: the ServiceImport's).
 */
export function ownerOf(resource: AnyResource): string {
  const exported = resource.kind === 'Service' ? resource.spec.export : undefined
  return exported === undefined ? recordIdOf(resource) : `clusterset/${exported.namespace}/${exported.service}`
}

/** Whether the hub gives it addresses. */
export function isAddressed({ kind, spec }: AnyResource): boolean {
  return kind === 'Node' || (kind === 'Service' && !('headless' in spec && spec.headless === true))
}

/** What a resource needs besides itself to become a record. */
export interface Context {
  /** Of nodes and services: the addresses that were given for good. */
  readonly addresses: readonly Address[]
  /** Of nodes: who enrolled under the name. */
  readonly enrolment?: Enrolment
  /** Of nodes: who is a member under the network’s membership lock; everybody where absent. */
  readonly judge?: Judge
}

/** What the record of a device says, whoever has signed for it; undefined where it has none anyway. */
export function nodeBody(node: Resource<'Node'>, { addresses, enrolment }: Context): NodeBody | undefined {
  const { spec, metadata } = node
  const membership = enrolment === undefined ? undefined : signaturesOver(enrolment, addresses)
  if (enrolment?.state !== 'approved' || spec.disabled || addresses.length === 0) return undefined
  return {
    nodeId: enrolment.nodeId,
    name: metadata.name,
    labels: spec.labels,
    wgKey: enrolment.wgKey,
    ...(enrolment.wgSerial === undefined ? {} : { wgSerial: enrolment.wgSerial }),
    deviceKey: enrolment.deviceKey,
    ...(enrolment.deviceSerial === undefined ? {} : { deviceSerial: enrolment.deviceSerial }),
    addresses: [...addresses],
    ...(spec.publicEndpoint === undefined ? {} : { publicEndpoint: spec.publicEndpoint }),
    ...(spec.relay?.enabled === true ? { relay: { port: spec.relay.port, tlsPort: spec.relay.tlsPort } } : {}),
    advertise: [...spec.advertise].sort(),
    ...(membership === undefined ? {} : { membership: [...membership] }),
  }
}

/** The device as it would be with the key that it asks for; undefined where it asks for none. */
export function bodyWithNext(body: NodeBody, enrolment: Enrolment | undefined): NodeBody | undefined {
  const next = enrolment?.next
  if (next === undefined) return undefined
  return {
    ...body,
    wgKey: next.wgKey,
    wgSerial: next.serial,
    membership: [...(signaturesOver(next, body.addresses) ?? [])],
  }
}

/** The device as it would be with the device key that it asks for; undefined where it asks for none. */
export function bodyWithNextDevice(body: NodeBody, enrolment: Enrolment | undefined): NodeBody | undefined {
  const next = enrolment?.nextDevice
  if (next === undefined) return undefined
  const { deviceKey, serial } = next
  return { ...body, deviceKey, deviceSerial: serial, membership: [...(signaturesOver(next, body.addresses) ?? [])] }
}

/** The key that enough people have signed for. */
function nextOf(body: NodeBody, { enrolment, judge }: Context): NodeBody['next'] {
  const wanted = bodyWithNext(body, enrolment)
  if (enrolment?.next === undefined || wanted === undefined || judge?.(wanted) !== 'admitted') return undefined
  const { serial, wgKey } = enrolment.next
  return { wgKey, serial, membership: [...(wanted.membership ?? [])] }
}

/** Agents would leave out whom the lock does not admit, and raise an alarm: such a record is never published. */
function nodeRecord(node: Resource<'Node'>, context: Context): AnyRecord | undefined {
  const body = nodeBody(node, context)
  if (body === undefined || (context.judge !== undefined && context.judge(body) !== 'admitted')) return undefined
  const next = nextOf(body, context)
  return {
    kind: 'node',
    id: `node/${node.metadata.name}`,
    body: { ...body, ...(next === undefined ? {} : { next }) },
  }
}

/** Devices are told their addresses, and not where those come from; older ones would not read a word that they don't know. */
function toldSpec(spec: NetworkSpec): BodyOf<'network'>['spec'] {
  const { renumber, ...told } = spec
  delete told.pools
  if (renumber === undefined) return told
  const { cidr, cidr6, step } = renumber
  return {
    ...told,
    renumber: { step, ...(cidr === undefined ? {} : { cidr }), ...(cidr6 === undefined ? {} : { cidr6 }) },
  }
}

function recordOf(resource: AnyResource, context: Context): AnyRecord | undefined {
  const { name } = resource.metadata
  switch (resource.kind) {
    case 'Network':
      return { kind: 'network', id: `network/${name}`, body: { name, spec: toldSpec(resource.spec) } }
    case 'Node':
      return nodeRecord(resource, context)
    case 'Canary':
      return { kind: 'canary', id: `canary/${name}`, body: { name, spec: resource.spec } }
    case 'Policy':
      return { kind: 'policy', id: `policy/${name}`, body: { name, spec: resource.spec } }
    case 'Route':
      return { kind: 'route', id: `route/${name}`, body: { name, spec: resource.spec } }
    case 'Exit':
      return { kind: 'exit', id: `exit/${name}`, body: { name, spec: resource.spec } }
    case 'Service':
      return {
        kind: 'service',
        id: `service/${name}`,
        body: { name, addresses: isAddressed(resource) ? [...context.addresses] : [], spec: resource.spec },
      }
    // Orders are told device by device: see cloud/rollout.
    case 'AgentUpdate':
    case 'JoinToken':
      return undefined
  }
}

export interface Compiled {
  readonly id: string
  readonly bytes: Uint8Array
}

/**
 * The record of one resource, or undefined where it has none: tokens, and nodes that are not members. Throws `too-large`
 * for what agents would refuse.
 */
export function compile(resource: AnyResource, context: Context): Compiled | undefined {
  const record = recordOf(resource, context)
  if (record === undefined) return undefined
  const bytes = encodeRecord(record)
  if (bytes.length > recordBytesMax) {
    throw new HoldfastError('too-large', `as a record it has ${bytes.length} bytes, at most ${recordBytesMax} fit`, {
      field: `${resource.kind}/${resource.metadata.name}`,
      remedy: 'Split it in two.',
    })
  }
  // Read as agents will read it: what they can't parse must never be signed.
  parseRecord(bytes)
  return { id: record.id, bytes }
}
