// What runs while an older set is followed than is held: the older one, without anything that the newer one took away. Who
// left stays out, who has a new key is known by it alone, and trust is the newer set's. What the newer one added waits
// with it. Read loosely, for the newest set may be written for a newer agent; what can't be told stays as it was.

import * as v from 'valibot'
import { fromUtf8 } from '../../shared/bytes.ts'
import { type DeviceKey, parseDeviceKey, parseWgKey, type WgKey } from '../../shared/ids.ts'
import type { Version } from '../../shared/record/head.ts'
import type { ParsedRecords, ParsedSet } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import { nodeBody } from '../../shared/record/record.ts'
import { type Signature, type Signatures, signatures } from '../../shared/record/signatures.ts'
import type { Held, Readable } from './accept.ts'

type NodeBody = BodyOf<'node'>

/** What a device goes by: the records, and the version that they are of but for what a newer one took away. */
export interface Running {
  readonly version: Version
  readonly parsed: Pick<ParsedSet, 'records'>
}

function bodyOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const { body } = JSON.parse(fromUtf8(bytes)) as { readonly body?: unknown }
    return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

function keyIn(word: unknown): WgKey | undefined {
  try {
    return typeof word === 'string' ? parseWgKey(word) : undefined
  } catch {
    return undefined
  }
}

function deviceKeyIn(word: unknown): DeviceKey | undefined {
  try {
    return typeof word === 'string' ? parseDeviceKey(word) : undefined
  } catch {
    return undefined
  }
}

function isSerial(word: unknown): word is number {
  return typeof word === 'number' && Number.isSafeInteger(word) && word > 0
}

const nextSchema = nodeBody.entries.next
const noSignatures: Signatures = []

/** `newer`, and of `older` what is not among it. */
function both(newer: Signatures, older: Signatures = noSignatures): Signature[] {
  return [...newer, ...older.filter((one) => !newer.some(({ signature }) => signature === one.signature))]
}

type Next = NonNullable<NodeBody['next']>

function nextAs(newer: Next, older: NodeBody['next']): Next {
  if (older?.wgKey !== newer.wgKey) return newer
  return { ...newer, membership: both(newer.membership, older.membership) }
}

/** The member as it may go on; undefined where the newer set has no such device, or another one under its name. */
function still(node: NodeBody, newer: Held): NodeBody | undefined {
  const bytes = newer.records.get(`node/${node.name}`)
  if (bytes === undefined) return undefined
  const body = bodyOf(bytes)
  const { deviceKey = node.deviceKey, membership: given, nodeId = node.nodeId, wgKey = node.wgKey } = body
  const { deviceSerial, next: offered, wgSerial: serial } = body
  if (nodeId !== node.nodeId) return undefined
  const sameDevice = deviceKey === node.deviceKey && deviceSerial === node.deviceSerial
  const sameKey = sameDevice && wgKey === node.wgKey && serial === node.wgSerial
  const before = JSON.stringify([node.membership, node.next])
  if (sameKey && JSON.stringify([given, offered]) === before) return node
  const [rotated, device] = [keyIn(wgKey), deviceKeyIn(deviceKey)]
  const { deviceSerial: _, membership: __, next: ___, wgSerial: ____, ...rest } = node
  // Signed for anew, under another lock or with another key: what was signed before may not count any more.
  const signed = v.safeParse(signatures, given)
  const next = v.safeParse(nextSchema, offered)
  // Renumbered meanwhile: what is signed now is over other addresses than it goes on with, and what was signed before over these.
  const moved = JSON.stringify(body['addresses']) !== JSON.stringify(node.addresses)
  if (rotated === undefined || device === undefined) return undefined
  return {
    ...rest,
    deviceKey: device,
    ...(isSerial(deviceSerial) ? { deviceSerial } : {}),
    wgKey: rotated,
    ...(isSerial(serial) ? { wgSerial: serial } : {}),
    ...(next.success && next.output !== undefined ? { next: nextAs(next.output, moved ? node.next : undefined) } : {}),
    ...(signed.success ? { membership: moved ? both(signed.output, node.membership) : signed.output } : {}),
  }
}

/** Who may vouch for members is for the newer set to say. */
function networkOf(good: ParsedRecords, newer: Held): ParsedRecords['network'] {
  const wanted = newer.parsed?.records.network
  if (good.network === undefined || wanted === undefined) return good.network
  const { membershipLock: before, ...spec } = good.network.spec
  const { membershipLock: lock } = wanted.spec
  if (JSON.stringify(before) === JSON.stringify(lock)) return good.network
  return { ...good.network, spec: lock === undefined ? spec : { ...spec, membershipLock: lock } }
}

/** `good` under the membership, the keys and the trust of `held`, which is newer or the same. */
export function composeRunning(good: Readable, held: Held): Running {
  if (good === held) return good
  const { records } = good.parsed
  const nodes = records.nodes.flatMap((node) => still(node, held) ?? [])
  const isSame = nodes.length === records.nodes.length && nodes.every((node, at) => node === records.nodes[at])
  const composed = {
    ...records,
    // A kind in which nothing changed is the very list it was.
    nodes: isSame ? records.nodes : nodes,
    network: networkOf(records, held),
    keys: held.parsed?.records.keys ?? records.keys,
    roots: held.parsed?.records.roots ?? records.roots,
  }
  return { version: good.version, parsed: { records: composed } }
}
