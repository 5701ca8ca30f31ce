// The files of the device's WireGuard keys; see keys/ring.ts for what they mean and what a power cut leaves.

import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { generateWgPrivateKey, sharedSecretWith, wgPublicKey } from '../../shared/host/crypto.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import type { KeyFiles } from '../keys/own-key.ts'
import { inUseText, keyOf, type Ring, readRing, withNext, withoutRetired } from '../keys/ring.ts'
import type { StateFiles } from './files.ts'

export function openKeyFiles(files: Pick<StateFiles, 'wgKey' | 'wgKeys'>, clock: Clock): KeyFiles {
  const read = (): Ring => {
    const texts = { inUse: readIfThere(files.wgKey), list: readIfThere(files.wgKeys) }
    const ring = readRing(texts, wgPublicKey)
    if (ring !== undefined) return ring
    throw new HoldfastError('corrupt', `there is no key in ${files.wgKey}`, {
      remedy: 'Bring it back from a backup, or run `holdfast leave --purge` and join again.',
    })
  }
  return {
    read,
    prepare(above) {
      const ring = read()
      if (ring.next !== undefined && ring.next.serial > above) return ring
      const privateKey = generateWgPrivateKey()
      const made = { privateKey, wgKey: wgPublicKey(privateKey), madeAt: Math.max(0, Math.floor(clock.now())) }
      writeAtomic(files.wgKeys, withNext(ring, made, above))
      return read()
    },
    use(wgKey) {
      writeAtomic(files.wgKey, inUseText(keyOf(read(), wgKey)))
      return read()
    },
    forget() {
      const list = withoutRetired(read())
      if (list !== undefined) writeAtomic(files.wgKeys, list)
      return read()
    },
    sharedWith: ({ privateKey }) => sharedSecretWith(privateKey),
  }
}
