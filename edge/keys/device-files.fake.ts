// Device key files in memory.

import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { signDeviceLink } from '../../shared/record/device-link.ts'
import { type TestDevice, testNetwork } from '../link/hub.fake.ts'
import type { DeviceRing, DeviceRingKey } from './device-ring.ts'
import type { DeviceFiles } from './own-device.ts'

/** `device` with the key of enrolment; the keys after it follow from its name. */
export function deviceFiles({ deviceKey, name, nodeId, signer }: TestDevice): DeviceFiles {
  const seeds = new Map<string, Signer>([['enrolment', signer]])
  const enrolled: DeviceRingKey = { serial: 0, key: deviceKey, seed: 'enrolment', link: undefined, madeAt: 0 }
  let ring: DeviceRing = { first: deviceKey, current: enrolled, next: undefined, former: [] }
  const signerOf = ({ seed = '' }: DeviceRingKey): Signer | undefined => seeds.get(seed)
  const inUse = (): Signer => signerOf(ring.current) ?? signer
  return {
    signer: {
      get publicKey() {
        return inUse().publicKey
      },
      sign: (message) => inUse().sign(message),
    },
    signerOf(key) {
      const one = [ring.current, ...ring.former].find((other) => other.key === key)
      return one === undefined ? undefined : signerOf(one)
    },
    read: () => ring,
    prepare(above) {
      if (ring.next !== undefined && ring.next.serial > above) return ring
      const serial = Math.max(ring.current.serial, above) + 1
      const seed = toBase64(sha256(new TextEncoder().encode(`${name} ${serial}`)))
      const next = signerFromSeed(fromBase64(seed))
      seeds.set(seed, next)
      const link = toBase64(signDeviceLink(serial, inUse(), next, { network: testNetwork, node: nodeId }))
      const made = { serial, key: parseDeviceKey(toBase64(next.publicKey)), seed, link, madeAt: 1_700_000_000_000 }
      ring = { ...ring, next: made }
      return ring
    },
    useNext() {
      if (ring.next === undefined) throw new HoldfastError('not-found', 'no next key')
      ring = { ...ring, current: ring.next, next: undefined, former: [ring.current, ...ring.former] }
      return ring
    },
    eraseFormer() {
      ring = { ...ring, former: ring.former.map((one) => ({ ...one, seed: undefined })) }
      return ring
    },
  }
}
