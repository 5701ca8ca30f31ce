// The root key this device believes in: the one it joined under, until a set led to another by links that both signed. What
// is pinned lies in a file beside the device's keys, so that a database that is set aside does not take the trust along, and
// a former root, whoever has it by now, never leads this device anywhere again.
//
// The file is written after the set that led to the root: a crash in between finds the old root and the set, and gets to
// the same end once more. A set that was stored under a former root, as the last good one may be, still opens.

import * as v from 'valibot'
import { fromBase64, sameBytes, toBase64 } from '../../shared/bytes.ts'
import { describeError } from '../../shared/errors.ts'
import { type DeviceKey, parseDeviceKey } from '../../shared/ids.ts'
import { integer, text } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { rootLinksMax } from '../../shared/limits.ts'
import type { RootPin } from '../../shared/record/root.ts'
import type { Holding } from './holding.ts'
import type { Anchors } from './keys.ts'

/** Where the pinned root lies. */
export interface RootFile {
  read(): string | undefined
  write(text: string): void
}

const key = text(parseDeviceKey, 'ed25519-key')
const pinned = v.strictObject({
  /** The root of enrolment: a file that another enrolment left counts for nothing. */
  enrolled: key,
  /** Those that were pinned since, the present one last. */
  roots: v.pipe(
    v.array(v.strictObject({ key, serial: integer(1, Number.MAX_SAFE_INTEGER) })),
    v.minLength(1),
    v.maxLength(rootLinksMax),
  ),
})
type Pinned = v.InferOutput<typeof pinned>

export interface RootPinOptions {
  /** The root that this device joined under. */
  readonly enrolled: DeviceKey
  readonly file: Pick<RootFile, 'read'>
  /** False where it could not be kept; that is tried again with the next set. */
  readonly write: (text: string) => boolean
  /** Another root is pinned from now on. */
  readonly onPinned: (root: RootPin, before: RootPin) => void
}

type RootAnchors = Required<Pick<Anchors, 'root' | 'rootSerial' | 'formerRoots'>>

export interface OwnRoot {
  /** What was pinned at the start. */
  readonly anchors: RootAnchors
  /** Why the file could not be read, if so: what the stored set leads to counts then. */
  readonly bad: string | undefined
  pin(): RootPin
  /** A verified set led to `root`. */
  follow(root: RootPin): void
}

function parsePinned(words: string | undefined, enrolled: DeviceKey): Pinned['roots'] {
  if (words === undefined) return []
  const kept = parseWith(pinned, JSON.parse(words))
  return kept.enrolled === enrolled ? kept.roots : []
}

function readPinned({ enrolled, file }: Pick<RootPinOptions, 'enrolled' | 'file'>) {
  try {
    return { roots: parsePinned(file.read(), enrolled), bad: undefined }
  } catch (error) {
    return { roots: [], bad: `the pinned root key cannot be read: ${describeError(error)}` }
  }
}

function anchorsOf(enrolled: DeviceKey, roots: Pinned['roots']): RootAnchors {
  const all = [enrolled, ...roots.map((one) => one.key)].map((one) => fromBase64(one))
  const root = all.at(-1) ?? fromBase64(enrolled)
  return { root, rootSerial: roots.at(-1)?.serial ?? 0, formerRoots: all.slice(0, -1) }
}

/** What is pinned, for who only reads. */
export function readRoot(enrolled: DeviceKey, file: Pick<RootFile, 'read'>): RootAnchors {
  return anchorsOf(enrolled, readPinned({ enrolled, file }).roots)
}

export function createRootPin(options: RootPinOptions): OwnRoot {
  const { enrolled, onPinned, write } = options
  const read = readPinned(options)
  const { bad } = read
  let { roots } = read
  const anchors = anchorsOf(enrolled, roots)
  let unsaved = bad !== undefined
  let pin: RootPin = { key: anchors.root, serial: anchors.rootSerial }

  return {
    anchors,
    bad,
    pin: () => pin,
    follow(root) {
      const before = pin
      // Only ever forward; what verified leads nowhere else, and this must not be what lets it.
      const isNext = !sameBytes(root.key, before.key) && root.serial > before.serial
      if (isNext) {
        pin = root
        roots = [...roots, { key: parseDeviceKey(toBase64(root.key)), serial: root.serial }].slice(-rootLinksMax)
      }
      if (roots.length === 0 || !(isNext || unsaved)) return
      unsaved = !write(`${JSON.stringify({ enrolled, roots } satisfies Pinned)}\n`)
      if (isNext) onPinned(pin, before)
    },
  }
}

/** `holding`, whose sets lead the pinned root on. */
export function keepRoot(holding: Holding, own: OwnRoot): Holding {
  const follow = (): void => {
    const held = holding.held()
    if (held !== undefined) own.follow(held.ring.root)
  }
  return {
    ...holding,
    load() {
      const worse = holding.load()
      follow()
      return worse ?? own.bad
    },
    take(accepted) {
      const failure = holding.take(accepted)
      follow()
      return failure
    },
  }
}
