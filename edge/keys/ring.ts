// The WireGuard keys of one device: the one in use, the next one, and those it was known by before. Pure: from the texts of two
// files to what they mean, and from a wish to the texts that bring it about.
//
//   wg.key        the key in use, as `wg` reads it; replaced whole, by rename
//   wg-keys.json  every key with its serial; which of them is in use is for wg.key alone to say
//
// A change of keys writes the list first and wg.key second, so that each power cut leaves one of two states that both work:
//
//   list without the next, wg.key old   nothing happened
//   list with the next, wg.key old      prepared; the next start takes it up, or people have to sign first
//   list with the next, wg.key new      changed; whether WireGuard has taken it yet is for the loop to see

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { type WgKey } from '../../shared/ids.ts'
import { integer } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { retiredKeysMax } from '../../shared/limits.ts'

/** The two files; undefined where one is not there. */
export interface KeyTexts {
  readonly inUse: string | undefined
  readonly list: string | undefined
}

export interface RingKey {
  /** 0 for the key of enrolment. */
  readonly serial: number
  readonly wgKey: WgKey
  /** Base64, as `wg genkey` prints it. Secret. */
  readonly privateKey: string
  /** When it was made, milliseconds since the Unix epoch. */
  readonly madeAt: number
}

export interface Ring {
  readonly current: RingKey
  /** Made, and not yet in use. */
  readonly next: RingKey | undefined
  /** The youngest first. */
  readonly retired: readonly RingKey[]
}

const counter = integer(0, Number.MAX_SAFE_INTEGER)
const listSchema = v.strictObject({
  keys: v.pipe(
    v.array(v.strictObject({ serial: counter, privateKey: v.pipe(v.string(), v.maxLength(64)), madeAt: counter })),
    v.maxLength(retiredKeysMax + 2),
  ),
})

/** Derives the public half; throws for what is no key. */
export type PublicHalf = (privateKey: string) => WgKey

function parseList(text: string | undefined, publicHalf: PublicHalf): readonly RingKey[] {
  if (text === undefined) return []
  const { keys } = parseWith(listSchema, JSON.parse(text))
  return keys.map((key) => ({ ...key, wgKey: publicHalf(key.privateKey) }))
}

/** What the files mean; undefined where the device has no key. A list that can't be read costs the past, never the present. */
export function readRing(texts: KeyTexts, publicHalf: PublicHalf): Ring | undefined {
  const privateKey = texts.inUse?.trim()
  if (privateKey === undefined) return undefined
  const wgKey = publicHalf(privateKey)
  let list: readonly RingKey[] = []
  try {
    list = parseList(texts.list, publicHalf)
  } catch {
    // As if it had never been changed; the hub's record says its serial all the same.
  }
  const current = list.find((key) => key.wgKey === wgKey) ?? { serial: 0, wgKey, privateKey, madeAt: 0 }
  const others = list.filter((key) => key !== current).toSorted((a, b) => b.serial - a.serial)
  return {
    current,
    next: others.find(({ serial }) => serial > current.serial),
    retired: others.filter(({ serial }) => serial < current.serial),
  }
}

function listText(keys: readonly RingKey[]): string {
  const plain = keys.map(({ madeAt, privateKey, serial }) => ({ serial, privateKey, madeAt }))
  return `${JSON.stringify({ keys: plain }, undefined, 2)}\n`
}

/** The list with another key that may be used next. `above`: a serial that is taken already. */
export function withNext(ring: Ring, made: Pick<RingKey, 'privateKey' | 'wgKey' | 'madeAt'>, above = 0): string {
  const serial = Math.max(ring.current.serial, above) + 1
  return listText([{ ...made, serial }, ring.current, ...ring.retired.slice(0, retiredKeysMax - 1)])
}

/** `wg.key` as it is to be for the key; its list has to be on the disk by then. */
export function inUseText({ privateKey }: RingKey): string {
  return `${privateKey}\n`
}

/** The list without the keys that were retired, or undefined where there are none. */
export function withoutRetired({ current, next, retired }: Ring): string | undefined {
  return retired.length === 0 ? undefined : listText(next === undefined ? [current] : [next, current])
}

/** The key of that public half. Throws where the device does not have it. */
export function keyOf({ current, next, retired }: Ring, wgKey: WgKey): RingKey {
  const key = [current, ...(next === undefined ? [] : [next]), ...retired].find((one) => one.wgKey === wgKey)
  if (key !== undefined) return key
  throw new HoldfastError('not-found', `this device has no key ${wgKey}`)
}
