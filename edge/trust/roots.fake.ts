// Root keys and a thief of one of them, for tests of how devices follow.

import { toBase64 } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/effects.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { type DeviceKey, parseDeviceKey } from '../../shared/ids.ts'
import { signRoot } from '../../shared/record/root.ts'
import { type FakeHub, testSigner } from '../link/hub.fake.ts'

export const second = testSigner(31)
export const third = testSigner(32)
export const thief = testSigner(66)

export function keyOf({ publicKey }: Signer): DeviceKey {
  return parseDeviceKey(toBase64(publicKey))
}

/** A fork: what a thief of the hub's first root would name as the next. */
export function putFork(hub: FakeHub, from: Signer, serial = 1): FakeHub {
  const link = { serial, root: keyOf(from), next: keyOf(thief), issuedAt: 500 }
  hub.put(`root/${serial}`, signRoot(link, from, thief, sha256))
  hub.root = thief
  hub.signer = testSigner(67)
  return hub.putKey(hub.signer, 900)
}
