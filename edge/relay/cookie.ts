// Cookies: a relay's proof to itself that an asker receives at the address it sends from. Nothing is kept per asker.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import { utf8 } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import { sameSecret } from '../../shared/host/crypto.ts'
import { mac } from './secrets.ts'

export interface Cookies {
  make(source: Endpoint): Uint8Array
  /** True for one to two windows after it was made, for the same source only. */
  holds(source: Endpoint, cookie: Uint8Array): boolean
}

const WINDOW_MS = 30_000
/** So long after it was made no cookie holds any more. */
export const cookieLifeMs = 2 * WINDOW_MS

/** `secret` is of this process: binds that were recorded before a restart are void after it. */
export function createCookies(secret: Uint8Array, clock: Clock): Cookies {
  const window = (): number => Math.floor(clock.monotonic() / WINDOW_MS)
  const cookie = (source: Endpoint, index: number): Uint8Array => mac(secret, utf8(`${index} ${source}`))
  return {
    make: (source) => cookie(source, window()),
    holds(source, claimed) {
      const now = window()
      return sameSecret(cookie(source, now), claimed) || sameSecret(cookie(source, now - 1), claimed)
    },
  }
}
