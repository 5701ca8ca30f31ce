// This device's own device key: which it is, what proves it, and how it is changed.
//
// From the change on this device signs with the new key alone, and puts the links in front that lead to it. What keeps the
// former key alive is the relays: they go by the set that they hold, and while this device's own record names the former key, so
// may theirs. It is erased an hour after the record of this device names the new one.
//
// Under a membership lock people sign for a device together with its key: there the link is shown while the former key still
// signs, and the new one is in use as soon as the record has it.

import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Clock, Log, Signer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { type DeviceKey, type NodeId, parseDeviceKey } from '../../shared/ids.ts'
import { deviceLinksMax } from '../../shared/limits.ts'
import { type DevicePin, readDeviceLink } from '../../shared/record/device-link.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { DeviceBook } from './device-book.ts'
import { type DeviceRing, linksTo } from './device-ring.ts'

/** Where the device keys lie. */
export interface DeviceFiles {
  /** Signs with whichever key is in use. */
  readonly signer: Signer
  /** Undefined where this device does not have, or no longer has, the secret of that key. */
  signerOf(key: DeviceKey): Signer | undefined
  read(): DeviceRing
  /** Makes the next key, with a serial above `above`, or finds the one that was made before. */
  prepare(above: number): DeviceRing
  /** The next key is the one in use from now on. */
  useNext(): DeviceRing
  /** Removes the secrets of the keys before. */
  eraseFormer(): DeviceRing
}

/** How the own device key stands, as people are told. */
export interface DeviceKeyStatus {
  readonly key: DeviceKey
  readonly serial: number
  /** When it was made, milliseconds since the Unix epoch; absent for the key of enrolment. */
  readonly madeAt?: number
  /** The record of this node names it. */
  readonly inIntent: boolean
  /** The secret of a former key is still there. */
  readonly formerKept: boolean
  /** Made, and not in use before people have signed for it, under a membership lock. */
  readonly awaiting?: DeviceKey
}

export interface OwnDeviceOptions {
  readonly node: NodeId
  /** The key where there are no files: it stays. */
  readonly signer: Signer
  readonly files: DeviceFiles | undefined
  readonly clock: Clock
  readonly log: Log
  readonly book: Pick<DeviceBook, 'state' | 'forked'>
  readonly keep: Pick<Keepsakes, 'journal'>
  /** What the record of this node says; undefined where it is no member. */
  readonly recorded: () => DevicePin | undefined
  /** People sign for keys in this network. */
  readonly isLocked: () => boolean
}

export interface OwnDevice {
  key(): DeviceKey
  status(): DeviceKeyStatus
  /** What goes in front of what this device signs, so that whoever knows a former key gets to the present one. */
  links(): readonly Uint8Array[]
  /** Every key that this device is known to have had. */
  keys(): readonly DeviceKey[]
  /** The key by the record of this device, or its own where there is none. */
  recordedKey(): DeviceKey
  /** Signs as the record of this device has it, for relays. */
  readonly recordedSigner: Signer
  /** Another key from now on; under a membership lock once people have signed for it. */
  rotate(): void
  /** The set in force is another, or a turn has passed. */
  look(): void
  /** Why the record, or somebody’s word, names a key to follow that is not this device’s; undefined while none does. */
  fault(): string | undefined
}

/** As long as relays and peers that were told of nothing yet may go by the former key. */
const OVERLAP_MS = 3_600_000
/** So long a peer may have been away and still get to the present key by what this device says. */
const LED_MS = 30 * 86_400_000

export function createOwnDevice(options: OwnDeviceOptions): OwnDevice {
  const { book, clock, files, keep, log, node, recorded, signer } = options
  let ring = files?.read()
  let recordedSince: number | undefined

  const ownKey = (): DeviceKey => ring?.current.key ?? parseDeviceKey(toBase64(signer.publicKey))
  const isInIntent = (): boolean => recorded()?.key === ownKey()
  const adopt = (): void => {
    if (ring !== undefined)
      book.state(
        node,
        linksTo(ring).map((link) => readDeviceLink(fromBase64(link))),
      )
  }
  const keys = (): readonly DeviceKey[] =>
    ring === undefined
      ? [ownKey()]
      : [ring.current, ...ring.former, ...(ring.next === undefined ? [] : [ring.next])].map((one) => one.key)

  const turnToNext = (by: DeviceFiles): void => {
    const before = ownKey()
    ring = by.useNext()
    recordedSince = undefined
    adopt()
    keep.journal('device-key', `${before} gave way to ${ring.current.key}, serial ${ring.current.serial}`)
  }

  const mayFollow = (known: DevicePin | undefined): void => {
    if (known === undefined) {
      throw new HoldfastError('forbidden', 'this device is no member of its network', {
        remedy: 'Nobody would follow to another key. See `holdfast-hub get nodes`.',
      })
    }
    if (!keys().includes(known.key)) {
      throw new HoldfastError('conflict', 'the hub knows this device by a key that it does not have', {
        remedy: 'See `holdfast status`. Remove the node at the hub, then `holdfast leave --purge` and join again.',
      })
    }
    if ((ring?.current.serial ?? 0) - known.serial >= deviceLinksMax) {
      throw new HoldfastError('conflict', `the hub has not taken the last ${deviceLinksMax} device keys yet`, {
        remedy: 'Wait until the hub is back: peers follow only so many changes without it.',
      })
    }
  }

  /** Cut off in the midst of a change; or people have signed for it, under a lock, so that the record has it. */
  const isDue = (next: DeviceRing['next']): boolean => {
    const known = recorded()
    return next !== undefined && known !== undefined && (!options.isLocked() || known.key === next.key)
  }

  const erase = (by: DeviceFiles): void => {
    if (!isInIntent()) recordedSince = undefined
    else recordedSince ??= clock.monotonic()
    const isOver = recordedSince !== undefined && clock.monotonic() - recordedSince >= OVERLAP_MS
    if (!isOver || ring?.former.every(({ seed }) => seed === undefined) !== false) return
    ring = by.eraseFormer()
    keep.journal('device-key', 'the secret of the former device key was erased')
  }

  const own: OwnDevice = {
    key: ownKey,
    keys,
    recordedKey: () => parseDeviceKey(toBase64(signerNow().publicKey)),
    status() {
      const current = ring?.current
      return {
        key: ownKey(),
        serial: current?.serial ?? 0,
        ...(current === undefined || current.madeAt === 0 ? {} : { madeAt: current.madeAt }),
        inIntent: isInIntent(),
        formerKept: ring?.former.some(({ seed }) => seed !== undefined) ?? false,
        ...(ring?.next === undefined || !options.isLocked() ? {} : { awaiting: ring.next.key }),
      }
    },
    links() {
      if (ring === undefined) return []
      const isLong = Math.abs(clock.now() - ring.current.madeAt) > LED_MS
      const known = isLong && isInIntent() ? [] : linksTo(ring)
      // What people are asked to sign for, under a lock.
      const asked = ring.next?.link === undefined || !options.isLocked() ? [] : [ring.next.link]
      return [...known, ...asked].slice(-deviceLinksMax).map((link) => fromBase64(link))
    },
    recordedSigner: {
      get publicKey() {
        return signerNow().publicKey
      },
      sign: (message) => signerNow().sign(message),
    },
    rotate() {
      if (files === undefined) throw new HoldfastError('unsupported', 'the keys of this device are not kept in files')
      const known = recorded()
      mayFollow(known)
      ring = files.prepare(known?.serial ?? 0)
      if (ring.next === undefined) throw new HoldfastError('failed', 'the next key does not read back as written')
      if (!options.isLocked()) turnToNext(files)
      else keep.journal('device-key', `${ring.next.key} awaits the signatures of people`)
    },
    look() {
      if (files === undefined || ring === undefined) return
      try {
        if (isDue(ring.next)) turnToNext(files)
        erase(files)
      } catch (error) {
        log.warn('the device key stays as it is', { why: describeError(error) })
      }
    },
    fault() {
      const known = recorded()
      if (ring === undefined || known === undefined) return undefined
      if (!keys().includes(known.key) && known.serial > 0) return `the hub knows this device by ${known.key}`
      return book.forked().includes(node)
        ? 'another key than this device’s own was named to follow a former one'
        : undefined
    },
  }

  function signerNow(): Signer {
    const known = recorded()
    return (known === undefined ? undefined : files?.signerOf(known.key)) ?? signer
  }

  adopt()
  return own
}
