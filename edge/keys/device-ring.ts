// The device keys of one device: the one in use, the next one, and those before. Pure: from the texts of two files to what they
// mean, and from a wish to the texts that bring it about.
//
//   device.key        seed of the key in use; replaced whole, by rename
//   device-keys.json  every key with its serial and the link that leads to it; which of them is in use is for device.key to say
//
// A change writes the list first and device.key second, so that a power cut leaves the former key or the new one, and either
// with all that proves it. The list is only there once a key was changed.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { type DeviceKey, parseDeviceKey } from '../../shared/ids.ts'
import { integer, text } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { deviceLinksMax } from '../../shared/limits.ts'

/** The two files; undefined where one is not there. */
export interface DeviceTexts {
  readonly inUse: string | undefined
  readonly list: string | undefined
}

export interface DeviceRingKey {
  /** 0 for the key of enrolment. */
  readonly serial: number
  readonly key: DeviceKey
  /** Ed25519 seed, base64. Secret. Undefined where it was erased. */
  readonly seed: string | undefined
  /** From the key before, base64; undefined for the key of enrolment. */
  readonly link: string | undefined
  /** When it was made, milliseconds since the Unix epoch. */
  readonly madeAt: number
}

export interface DeviceRing {
  /** What the id of the device follows from. */
  readonly first: DeviceKey
  readonly current: DeviceRingKey
  /** Made, and not yet in use. */
  readonly next: DeviceRingKey | undefined
  /** The youngest first. */
  readonly former: readonly DeviceRingKey[]
}

/** The next, the present, and the former ones whose links still lead somewhere. */
const KEYS_MAX = deviceLinksMax + 2
const counter = integer(0, Number.MAX_SAFE_INTEGER)
const key = text(parseDeviceKey, 'ed25519-key')
const secret = v.pipe(v.string(), v.base64(), v.maxLength(64))
const listSchema = v.strictObject({
  first: key,
  keys: v.pipe(
    v.array(
      v.strictObject({
        serial: counter,
        key,
        seed: v.optional(secret),
        link: v.optional(v.pipe(v.string(), v.base64(), v.maxLength(280))),
        madeAt: counter,
      }),
    ),
    v.maxLength(KEYS_MAX),
  ),
})

/** Derives the public half; throws for what is no seed. */
export type DevicePublicHalf = (seed: string) => DeviceKey

function parseList(list: string | undefined, isOfUse: (keys: readonly DeviceKey[]) => boolean) {
  if (list === undefined) return undefined
  const parsed = parseWith(listSchema, JSON.parse(list))
  return isOfUse(parsed.keys.map((one) => one.key)) ? parsed : undefined
}

/** What the files mean; undefined where the device has no key. */
export function readDeviceRing(texts: DeviceTexts, publicHalf: DevicePublicHalf): DeviceRing | undefined {
  const seed = texts.inUse?.trim()
  if (seed === undefined) return undefined
  const inUse = publicHalf(seed)
  let list: ReturnType<typeof parseList>
  try {
    // A list that another key was enrolled after counts for nothing.
    list = parseList(texts.list, (keys) => keys.includes(inUse))
  } catch {
    // As if the key had never been changed; who needs to know its past asks the record.
  }
  const all = (list?.keys ?? []).map((one): DeviceRingKey => ({ ...one, seed: one.seed, link: one.link }))
  const current = all.find((one) => one.key === inUse) ?? { serial: 0, key: inUse, seed, link: undefined, madeAt: 0 }
  const others = all.filter((one) => one !== current).toSorted((a, b) => b.serial - a.serial)
  return {
    first: list?.first ?? inUse,
    current: { ...current, seed },
    next: others.find((one) => one.serial > current.serial && one.seed !== undefined),
    former: others.filter((one) => one.serial < current.serial),
  }
}

function listText(first: DeviceKey, keys: readonly DeviceRingKey[]): string {
  const plain = keys.slice(0, KEYS_MAX).map(({ key: publicKey, link, madeAt, seed, serial }) => ({
    serial,
    key: publicKey,
    ...(seed === undefined ? {} : { seed }),
    ...(link === undefined ? {} : { link }),
    madeAt,
  }))
  return `${JSON.stringify({ first, keys: plain }, undefined, 2)}\n`
}

/** The list with another key that may be used next. */
export function withNextDevice({ current, first, former }: DeviceRing, made: DeviceRingKey): string {
  return listText(first, [made, current, ...former])
}

/** The list without the secrets of former keys, or undefined where it has none. Their links stay: they lead on. */
export function withoutFormerSeeds({ current, first, former, next }: DeviceRing): string | undefined {
  if (former.every(({ seed }) => seed === undefined)) return undefined
  const erased = former.map((one) => ({ ...one, seed: undefined }))
  return listText(first, [...(next === undefined ? [] : [next]), current, ...erased])
}

/** `device.key` as it is to be for the key; its list has to be on the disk by then. */
export function deviceKeyText({ key: publicKey, seed }: DeviceRingKey): string {
  if (seed !== undefined) return `${seed}\n`
  throw new HoldfastError('not-found', `this device no longer has the secret of ${publicKey}`)
}

/** The links that lead to the key in use, the oldest first. */
export function linksTo({ current, former }: DeviceRing): readonly string[] {
  const links = [current, ...former].flatMap(({ link }) => (link === undefined ? [] : [link]))
  return links.slice(0, deviceLinksMax).toReversed()
}
