// Records: intent compiled to what agents replicate. A record's bytes are the canonical form of `{body, id}`.

import * as v from 'valibot'
import { HoldfastError } from '../errors.ts'
import { parseDeviceKey, parseNodeId, parseWgKey } from '../ids.ts'
import { canarySpec } from '../intent/canary.ts'
import { exitSpec } from '../intent/exit.ts'
import { address, cidr, integer, labels, name, namedEndpoint, port, text } from '../intent/field.ts'
import { networkSpec } from '../intent/network.ts'
import { policySpec } from '../intent/policy.ts'
import { otherBlocks } from '../intent/renumber.ts'
import { parseWith } from '../intent/resource.ts'
import { routeSpec } from '../intent/route.ts'
import { serviceSpec } from '../intent/service.ts'
import { recordBytesMax } from '../limits.ts'
import { encodeCanonical, parseCanonical } from './canonical.ts'
import { signedLock } from './lock.ts'
import { signedRoot } from './root.ts'
import { signatures } from './signatures.ts'

/** A member of the mesh. */
export const nodeBody = v.strictObject({
  nodeId: text(parseNodeId, 'node-id'),
  name,
  labels,
  wgKey: text(parseWgKey, 'wireguard-key'),
  /** Serial of that key; absent for the one of enrolment. */
  wgSerial: v.optional(integer(1, Number.MAX_SAFE_INTEGER)),
  deviceKey: text(parseDeviceKey, 'ed25519-key'),
  /** Serial of that key; absent for the one of enrolment, which the id follows from. */
  deviceSerial: v.optional(integer(1, Number.MAX_SAFE_INTEGER)),
  /** Mesh addresses, IPv4 first; while the network is renumbered those of its other blocks behind them. */
  addresses: v.pipe(v.array(address), v.minLength(1), v.maxLength(4)),
  publicEndpoint: v.optional(namedEndpoint),
  relay: v.optional(v.strictObject({ port, tlsPort: port })),
  advertise: v.array(cidr),
  /** Under a membership lock: the key that people have signed for, and that the node may turn to. */
  next: v.optional(
    v.strictObject({
      wgKey: text(parseWgKey, 'wireguard-key'),
      serial: integer(1, Number.MAX_SAFE_INTEGER),
      membership: signatures,
    }),
  ),
  /** By keys of the membership lock, over what makes the node a member. */
  membership: v.optional(signatures),
})
export type NodeBody = v.InferOutput<typeof nodeBody>

/** A service with the virtual addresses the hub gave it. */
const serviceBody = v.strictObject({ name, addresses: v.array(address), spec: serviceSpec })

/** A signing key, certified by the root: the bytes of an envelope of kind `key`, base64. */
const keyBody = v.strictObject({ envelope: v.pipe(v.string(), v.maxLength(2_048)) })

/** The hub's word on a policy override of one node: it travels in the set, so that any peer can bring it. */
const verdictBody = v.strictObject({
  /** Id of the override. */
  name,
  node: text(parseNodeId, 'node-id'),
  verdict: v.picklist(['accepted', 'dropped']),
})
export type VerdictBody = v.InferOutput<typeof verdictBody>

/** While it is renumbered, with the other blocks. */
const networkInForce = v.strictObject({ ...networkSpec.entries, renumber: v.optional(otherBlocks) })

const bodies = {
  network: v.strictObject({ name, spec: networkInForce }),
  canary: v.strictObject({ name, spec: canarySpec }),
  node: nodeBody,
  policy: v.strictObject({ name, spec: policySpec }),
  route: v.strictObject({ name, spec: routeSpec }),
  exit: v.strictObject({ name, spec: exitSpec }),
  service: serviceBody,
  key: keyBody,
  root: signedRoot,
  lock: signedLock,
  verdict: verdictBody,
} as const

export type RecordKind = keyof typeof bodies
export type BodyOf<K extends RecordKind> = v.InferOutput<(typeof bodies)[K]>
export interface RecordOf<K extends RecordKind> {
  readonly kind: K
  /** `kind/name`. */
  readonly id: string
  readonly body: BodyOf<K>
}
export type AnyRecord = { [K in RecordKind]: RecordOf<K> }[RecordKind]

const ID = /^([a-z]+)\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/

/** Throws unless `id` is `kind/name`, of whatever kind: a newer hub may know kinds that are unknown here. */
export function checkRecordId(id: string): void {
  if (!ID.test(id)) throw new HoldfastError('invalid', `"${id.slice(0, 80)}" is not the id of a record`)
}

/** Throws unless `id` is `kind/name` of a known kind. */
export function recordKind(id: string): RecordKind {
  checkRecordId(id)
  const kind = ID.exec(id)?.[1]
  if (kind === undefined || !Object.hasOwn(bodies, kind)) {
    throw new HoldfastError('invalid', `"${id.slice(0, 80)}" is not the id of a known kind of record`)
  }
  return kind as RecordKind
}

export function encodeRecord(record: AnyRecord): Uint8Array {
  return encodeCanonical({ id: record.id, body: record.body })
}

const framed = v.strictObject({ id: v.string(), body: v.unknown() })

/** Parses the canonical bytes of one record whose hash was verified. */
export function parseRecord(bytes: Uint8Array): AnyRecord {
  const { id, body } = parseWith(framed, parseCanonical(bytes, recordBytesMax))
  const kind = recordKind(id)
  const record = { kind, id, body: parseWith(bodies[kind] as v.GenericSchema, body) } as AnyRecord
  // Some look records up by id and some by name; a record with two names would be two things at once.
  if ('name' in record.body && id !== `${kind}/${record.body.name}`) {
    throw new HoldfastError('invalid', `record ${id} calls itself "${record.body.name}"`)
  }
  return record
}

/** The records of a network, by id; values are canonical bytes. */
export type RecordSet = ReadonlyMap<string, Uint8Array>
