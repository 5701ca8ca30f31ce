// Device keys, and how one follows another. A device is known by the id that its first key gave it; a link names the key that
// it goes by from now on, and bears two signatures: the former key's, so that nobody else may name it, and the new one's, so
// that it is a key that the device has.
//
// Links travel in front of what the new key signed, so whoever knows any key of the device gets to the present one from the
// very bytes that he has to judge, with no hub and in any order:
//
//   byte 0      version, 2 (an envelope without links begins with 1)
//   byte 1      how many links
//   then        the links, 200 bytes each: serial of the new key (8), former key (32), new key (32), two signatures (64 each)
//   then        what the links lead to

import { concat, fromBase64, sameBytes, toBase64, utf8 } from '../bytes.ts'
import type { Sha256, Signer, Verify } from '../effects.ts'
import { HoldfastError } from '../errors.ts'
import { base32, type DeviceKey, type NetworkId, type NodeId, parseDeviceKey } from '../ids.ts'
import { deviceLinksMax } from '../limits.ts'
import { signedBytes } from './envelope.ts'

const LED = 2
const HEADER_BYTES = 2
const KEY_BYTES = 32
const BODY_BYTES = 8 + 2 * KEY_BYTES
export const deviceLinkBytes = BODY_BYTES + 2 * 64

/** A key of a device, and how many it had before: 0 for the one of enrolment. */
export interface DevicePin {
  readonly key: DeviceKey
  readonly serial: number
}

/** As it was read; nothing of it is verified. */
export interface DeviceLink {
  /** Of `next`; rises with each change. */
  readonly serial: number
  readonly key: DeviceKey
  readonly next: DeviceKey
  /** The link as it travels. */
  readonly bytes: Uint8Array
}

/** Whose keys they are, and how they are checked. */
export interface DeviceLinkScope {
  readonly network: NetworkId
  readonly node: NodeId
  readonly verify: Verify
}

/** The id that a device has for good. */
export function nodeIdOf(firstKey: DeviceKey, sha256: Sha256): string {
  return base32(sha256(fromBase64(firstKey)), 16)
}

function bodyBytes(serial: number, key: Uint8Array, next: Uint8Array): Uint8Array {
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(serial))
  return concat(number, key, next)
}

function covered(body: Uint8Array, { network, node }: Pick<DeviceLinkScope, 'network' | 'node'>): Uint8Array {
  return signedBytes('device-key', concat(utf8(`${network} ${node}\0`), body))
}

export function signDeviceLink(
  serial: number,
  former: Signer,
  next: Signer,
  of: Pick<DeviceLinkScope, 'network' | 'node'>,
): Uint8Array {
  const body = bodyBytes(serial, former.publicKey, next.publicKey)
  const message = covered(body, of)
  return concat(body, former.sign(message), next.sign(message))
}

/** Throws `invalid` for what is no link. */
export function readDeviceLink(bytes: Uint8Array): DeviceLink {
  const serial = bytes.length === deviceLinkBytes ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0) : 0n
  const [key, next] = [8, 8 + KEY_BYTES].map((at) => bytes.subarray(at, at + KEY_BYTES)) as [Uint8Array, Uint8Array]
  if (serial < 1n || serial > BigInt(Number.MAX_SAFE_INTEGER) || sameBytes(key, next)) {
    throw new HoldfastError('invalid', 'not a link between two keys of a device')
  }
  const [former, present] = [key, next].map((one) => parseDeviceKey(toBase64(one))) as [DeviceKey, DeviceKey]
  return { serial: Number(serial), key: former, next: present, bytes }
}

/** True if both keys signed it for this device. */
export function isDeviceLink({ bytes, key, next }: DeviceLink, scope: DeviceLinkScope): boolean {
  const message = covered(bytes.subarray(0, BODY_BYTES), scope)
  return [key, next].every((one, at) =>
    scope.verify(fromBase64(one), message, bytes.subarray(BODY_BYTES + 64 * at, BODY_BYTES + 64 * (at + 1))),
  )
}

/** `envelope` behind the links that lead to who signed it. */
export function leadBy(links: readonly Uint8Array[], envelope: Uint8Array): Uint8Array {
  return links.length === 0 ? envelope : concat(Uint8Array.of(LED, links.length), ...links, envelope)
}

/** What `leadBy` put together. Throws `invalid` where it does not come apart. */
export function splitLed(bytes: Uint8Array): { readonly links: readonly DeviceLink[]; readonly envelope: Uint8Array } {
  if (bytes[0] !== LED) return { links: [], envelope: bytes }
  const count = bytes[1] ?? 0
  const end = HEADER_BYTES + count * deviceLinkBytes
  if (count === 0 || count > deviceLinksMax || bytes.length < end) {
    throw new HoldfastError('invalid', `${count} links between keys of a device do not stand there`)
  }
  const links = Array.from({ length: count }, (_, at) =>
    readDeviceLink(bytes.subarray(HEADER_BYTES + at * deviceLinkBytes, HEADER_BYTES + (at + 1) * deviceLinkBytes)),
  )
  return { links, envelope: bytes.subarray(end) }
}

/** The links that lead on from `pin`, in their order: of several from one key the first that is good. None leads back. */
export function linksFrom(
  pin: DevicePin,
  offered: readonly DeviceLink[],
  isGood: (link: DeviceLink) => boolean = () => true,
): readonly DeviceLink[] {
  const path: DeviceLink[] = []
  const passed = new Set([pin.key])
  let { key, serial } = pin
  // Serials rise, so it ends.
  for (;;) {
    const [at, above] = [key, serial]
    const next = offered.find((one) => one.key === at && one.serial > above && !passed.has(one.next) && isGood(one))
    if (next === undefined) return path
    path.push(next)
    passed.add(next.next)
    key = next.next
    serial = next.serial
  }
}

/** Where `offered` leads from `pin`: `pin` itself where nothing in it follows that both keys signed. */
export function followDevice(pin: DevicePin, offered: readonly DeviceLink[], scope: DeviceLinkScope): DevicePin {
  const last = linksFrom(pin, offered, (link) => isDeviceLink(link, scope)).at(-1)
  return last === undefined ? pin : { key: last.next, serial: last.serial }
}
