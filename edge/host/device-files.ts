// The files of the device key; see keys/device-ring.ts for what they mean and what a power cut leaves.

import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Clock, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { generateSigningSeed, signerFromSeed } from '../../shared/host/crypto.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { type DeviceKey, type NetworkId, type NodeId, parseDeviceKey } from '../../shared/ids.ts'
import { signDeviceLink } from '../../shared/record/device-link.ts'
import {
  type DeviceRing,
  type DeviceRingKey,
  deviceKeyText,
  readDeviceRing,
  withNextDevice,
  withoutFormerSeeds,
} from '../keys/device-ring.ts'
import type { DeviceFiles } from '../keys/own-device.ts'
import type { StateFiles } from './files.ts'

function devicePublicHalf(seed: string): DeviceKey {
  return parseDeviceKey(toBase64(signerFromSeed(fromBase64(seed)).publicKey))
}

/** Undefined where the device has no key. Throws for what is no key. */
export function readDeviceFiles(files: Pick<StateFiles, 'deviceKey' | 'deviceKeys'>): DeviceRing | undefined {
  const texts = { inUse: readIfThere(files.deviceKey), list: readIfThere(files.deviceKeys) }
  return readDeviceRing(texts, devicePublicHalf)
}

export function openDeviceFiles(
  files: Pick<StateFiles, 'deviceKey' | 'deviceKeys'>,
  clock: Clock,
  of: { readonly network: NetworkId; readonly node: NodeId },
): DeviceFiles {
  const signers = new Map<DeviceKey, Signer>()

  const signerOf = ({ key, seed }: DeviceRingKey): Signer | undefined => {
    if (seed === undefined) return undefined
    const known = signers.get(key) ?? signerFromSeed(fromBase64(seed))
    signers.set(key, known)
    return known
  }
  const read = (): DeviceRing => {
    const ring = readDeviceFiles(files)
    if (ring !== undefined) return ring
    throw new HoldfastError('corrupt', `there is no key in ${files.deviceKey}`, {
      remedy: 'Bring it back from a backup, or run `holdfast leave --purge` and join again.',
    })
  }
  const need = (key: DeviceRingKey): Signer => {
    const signer = signerOf(key)
    if (signer !== undefined) return signer
    throw new HoldfastError('not-found', `this device no longer has the secret of ${key.key}`)
  }
  let ring = read()
  let inUse = need(ring.current)
  const reread = (): DeviceRing => {
    ring = read()
    inUse = need(ring.current)
    const kept = new Set([ring.current, ring.next, ...ring.former].flatMap((one) => (one?.seed ? [one.key] : [])))
    for (const key of signers.keys()) if (!kept.has(key)) signers.delete(key)
    return ring
  }

  return {
    signer: {
      get publicKey() {
        return inUse.publicKey
      },
      sign: (message) => inUse.sign(message),
    },
    signerOf(key) {
      const one = [ring.current, ...ring.former].find((other) => other.key === key)
      return one === undefined ? undefined : signerOf(one)
    },
    read: () => ring,
    prepare(above) {
      if (ring.next !== undefined && ring.next.serial > above) return ring
      const seed = generateSigningSeed()
      const next = signerFromSeed(seed)
      const serial = Math.max(ring.current.serial, above) + 1
      const made: DeviceRingKey = {
        serial,
        key: parseDeviceKey(toBase64(next.publicKey)),
        seed: toBase64(seed),
        link: toBase64(signDeviceLink(serial, inUse, next, of)),
        madeAt: Math.max(0, Math.floor(clock.now())),
      }
      writeAtomic(files.deviceKeys, withNextDevice(ring, made))
      return reread()
    },
    useNext() {
      if (ring.next === undefined) throw new HoldfastError('not-found', 'no other device key was made')
      writeAtomic(files.deviceKey, deviceKeyText(ring.next))
      return reread()
    },
    eraseFormer() {
      const list = withoutFormerSeeds(ring)
      if (list !== undefined) writeAtomic(files.deviceKeys, list)
      return reread()
    },
  }
}
