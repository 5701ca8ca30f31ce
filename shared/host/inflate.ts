// Raw inflate (RFC 1951) with a bound: a few bytes from outside must not become gigabytes in here.

import { inflateRawSync } from 'node:zlib'
import { HoldfastError } from '../errors.ts'

export function inflate(bytes: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: bytesMax })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new HoldfastError('too-large', `data inflates to more than ${bytesMax} bytes`, { cause })
    }
    throw new HoldfastError('invalid', 'data is not deflated', { cause })
  }
}
