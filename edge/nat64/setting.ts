// `nat64` of a device's config.

import * as v from 'valibot'
import { type Cidr, parseCidr } from '../../shared/address/cidr.ts'
import { isNat64Prefix } from './prefix.ts'

function isNat64(text: string): boolean {
  try {
    return text === 'off' || text === 'auto' || isNat64Prefix(parseCidr(text))
  } catch {
    return false
  }
}

export const nat64Setting = v.pipe(v.string(), v.check(isNat64, 'is neither auto, off, nor a prefix like 64:ff9b::/96'))

/** The prefix that people know; undefined where the network is asked. */
export function prefixOf(setting: string): Cidr | undefined {
  return setting === 'auto' ? undefined : parseCidr(setting)
}
