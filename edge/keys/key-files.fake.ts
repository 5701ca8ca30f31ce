// Key files in memory, for agents whose WireGuard is one, too.

import { toBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sharedSecretWith, wgPublicKey } from '../../shared/host/crypto.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { KeyFiles } from './own-key.ts'
import { inUseText, type KeyTexts, keyOf, type Ring, readRing, withNext, withoutRetired } from './ring.ts'

const SECRET = toBase64(new Uint8Array(32).fill(9))

/** A device enrolled with `own`, whose private half nobody knows; the next key is always the same. */
export function keyFiles(own: WgKey) {
  let texts: KeyTexts = { inUse: 'enrolment', list: undefined }
  const publicHalf = (key: string): WgKey => (key === 'enrolment' ? own : wgPublicKey(key))
  const read = (): Ring => {
    const ring = readRing(texts, publicHalf)
    if (ring === undefined) throw new HoldfastError('corrupt', 'no key')
    return ring
  }
  const files: KeyFiles = {
    read,
    prepare(above) {
      texts = {
        ...texts,
        list: withNext(read(), { privateKey: SECRET, wgKey: publicHalf(SECRET), madeAt: 1_700_000_000_000 }, above),
      }
      return read()
    },
    use(wgKey) {
      texts = { ...texts, inUse: inUseText(keyOf(read(), wgKey)) }
      return read()
    },
    forget() {
      texts = { ...texts, list: withoutRetired(read()) }
      return read()
    },
    sharedWith: () => sharedSecretWith(SECRET),
  }
  return { files, key: publicHalf(SECRET) }
}
