// This device's own WireGuard key: which it is, what it says of it, and how it is changed.
//
// Nothing is said of a new key before WireGuard has it: a peer that turned to it earlier would knock at a closed door for the
// five seconds that WireGuard takes between two tries.

import { sameBytes } from '../../shared/bytes.ts'
import type { Clock, Log, Sha256, Signer } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { sealKeyStatement } from '../../shared/fact/key-statement.ts'
import type { NetworkId, NodeId, WgKey } from '../../shared/ids.ts'
import { leadBy } from '../../shared/record/device-link.ts'
import type { PathSelf, PathTalk } from '../paths/path-talk.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { KeyBook } from './key-book.ts'
import type { Ring, RingKey } from './ring.ts'

/** Where the keys of the device lie. */
export interface KeyFiles {
  read(): Ring
  /** Makes the next key, with a serial above `above`, or finds the one that was made before. */
  prepare(above: number): Ring
  /** That key is the one in use from now on. Throws where the device does not have it. */
  use(wgKey: WgKey): Ring
  /** Removes the keys that were in use before. */
  forget(): Ring
  /** What a key shares with a peer's (X25519), 32 bytes. */
  sharedWith(key: RingKey): (peer: WgKey) => Uint8Array
}

/** How the own key stands, as people are told. */
export interface KeyStatus {
  readonly wgKey: WgKey
  readonly serial: number
  /** When it was made, milliseconds since the Unix epoch; absent for the key of enrolment. */
  readonly madeAt?: number
  /** The record of this node names it: whoever learns of this node by intent needs no word of its own. */
  readonly inIntent: boolean
  /** Keys it answers to for peers that were away. */
  readonly retired: number
  /** Made, and not in use before people have signed for it, under a membership lock. */
  readonly awaiting?: WgKey
}

export interface RecordedKey {
  readonly wgKey: WgKey
  readonly serial: number
  /** The key that people have signed for. */
  readonly next: WgKey | undefined
}

export interface OwnKeyOptions {
  readonly node: NodeId
  readonly network: NetworkId
  readonly signer: Signer
  /** What leads to the key of `signer`, in front of words by path frames. */
  readonly links: () => readonly Uint8Array[]
  readonly sha256: Sha256
  readonly clock: Clock
  readonly log: Log
  /** The key where there are no files: it stays. */
  readonly wgKey: WgKey
  readonly files: KeyFiles | undefined
  readonly talk: PathTalk | undefined
  readonly book: Pick<KeyBook, 'state'>
  readonly keep: Pick<Keepsakes, 'journal'>
  /** What the record of this node says; undefined where it is no member. */
  readonly recorded: () => RecordedKey | undefined
  /** People sign for keys in this network. */
  readonly isLocked: () => boolean
}

export interface OwnKey {
  wgKey(): WgKey
  status(): KeyStatus
  /** Its envelope, where the record of this node does not say the same, and WireGuard has the key. */
  statement(): Uint8Array | undefined
  /** Another key from now on; under a membership lock as soon as people have signed for it. True where that is now. */
  rotate(): boolean
  /** The set in force is another. True where people have signed, and the key is another from now on. */
  follow(): boolean
  /** The kernel was brought to what it should be. True where it has another key of this device since. */
  programmed(): boolean
  /** Keys of former days are no longer answered to. */
  forget(): KeyStatus
}

interface Sealed {
  readonly of: RingKey
  /** Public half of the device key that signed it. */
  readonly by: Uint8Array
  readonly bytes: Uint8Array
}

/** How long a peer may have been away and still find this device by its own word, if it finds nobody else. */
const RETIRED_MS = 30 * 86_400_000

export function createOwnKey(options: OwnKeyOptions): OwnKey {
  const { book, clock, files, keep, log, network, node, recorded, sha256, signer, talk } = options
  let ring = files?.read()
  let isProgrammed = false
  let envelope: Sealed | undefined
  let asking: Sealed | undefined
  let spokenBy = signer.publicKey

  const serialOf = ({ serial, wgKey }: Pick<RingKey, 'serial' | 'wgKey'>): number => {
    const known = recorded()
    // A list that was lost: the record still tells which serial the key has.
    return known?.wgKey === wgKey ? Math.max(serial, known.serial) : serial
  }

  /** By the present device key: peers go by that alone. */
  const isSealed = (sealed: Sealed | undefined, of: RingKey): boolean =>
    sealed?.of === of && sameBytes(sealed.by, signer.publicKey)

  const stated = (): Uint8Array | undefined => {
    const current = ring?.current
    if (current === undefined || current.serial === 0) return undefined
    if (!isSealed(envelope, current)) {
      const word = { network, node, serial: current.serial, wgKey: current.wgKey }
      envelope = { of: current, by: signer.publicKey, bytes: sealKeyStatement(word, signer, sha256) }
    }
    return envelope?.bytes
  }

  const selfOf = (key: RingKey, by: KeyFiles): PathSelf => ({ wgKey: key.wgKey, sharedWith: by.sharedWith(key) })

  /** This node is known to itself by the key of the ring; the next turn brings it to WireGuard. */
  const adopt = (): void => {
    if (ring === undefined) return
    const { serial, wgKey } = ring.current
    book.state(node, serial === 0 ? undefined : { network, node, serial, wgKey })
  }

  /** Frames are spoken under the key that WireGuard has, and under no other: whoever hears a word turns to it at once. */
  const speak = (): void => {
    if (files === undefined || ring === undefined) return
    spokenBy = signer.publicKey
    const { current, retired } = ring
    const former = retired.map((key) => selfOf(key, files))
    const said = stated()
    const statement = said === undefined ? undefined : leadBy(options.links(), said)
    talk?.become({ self: selfOf(current, files), former, statement })
  }

  const status = (): KeyStatus => {
    const current = ring?.current
    const wgKey = current?.wgKey ?? options.wgKey
    const serial = current === undefined ? 0 : serialOf(current)
    return {
      wgKey,
      serial,
      ...(current === undefined || current.madeAt === 0 ? {} : { madeAt: current.madeAt }),
      inIntent: recorded()?.wgKey === wgKey,
      retired: ring?.retired.length ?? 0,
      ...(ring?.next === undefined || !options.isLocked() ? {} : { awaiting: ring.next.wgKey }),
    }
  }

  /** Whoever was away is back by now, or has been told by others. */
  const isOver = (): boolean => {
    const { current, retired } = ring ?? { current: undefined, retired: [] }
    return current !== undefined && retired.length > 0 && clock.now() - current.madeAt > RETIRED_MS
  }

  /** What people are asked to sign for. */
  const request = (): Uint8Array | undefined => {
    const next = ring?.next
    if (next === undefined || !options.isLocked()) return undefined
    if (!isSealed(asking, next)) {
      const word = { network, node, serial: next.serial, wgKey: next.wgKey, asked: true } as const
      asking = { of: next, by: signer.publicKey, bytes: sealKeyStatement(word, signer, sha256) }
    }
    return asking?.bytes
  }

  const turnTo = (wgKey: WgKey): boolean => {
    if (files === undefined) return false
    const before = own.wgKey()
    ring = files.use(wgKey)
    isProgrammed = false
    adopt()
    keep.journal('wg-key', `${before} gave way to ${own.wgKey()}, serial ${ring.current.serial}`)
    return true
  }

  /** The key that this device is to have by what people signed, where it is another than it has. */
  const wanted = (): WgKey | undefined => {
    const known = recorded()
    if (ring === undefined || known === undefined) return undefined
    const { current, next, retired } = ring
    // Cut off in the midst of a change, or asked for under a lock that has ended.
    if (!options.isLocked()) return next?.wgKey
    if (next !== undefined && known.next === next.wgKey) return next.wgKey
    if (known.next === current.wgKey) return undefined
    // Changed before there was a lock, and people signed for the one before: nobody believes the present one.
    return retired.find(({ wgKey }) => wgKey === known.wgKey)?.wgKey
  }

  const own: OwnKey = {
    wgKey: () => ring?.current.wgKey ?? options.wgKey,
    status,
    statement() {
      const known = recorded()
      const current = ring?.current
      if (!isProgrammed || current === undefined || known === undefined) return undefined
      return current.serial > known.serial ? stated() : request()
    },
    rotate() {
      if (files === undefined) throw new HoldfastError('unsupported', 'the keys of this device are not kept in files')
      if (recorded() === undefined) {
        throw new HoldfastError('forbidden', 'this device is no member of its network', {
          remedy: 'Nobody would follow to another key. See `holdfast-hub get nodes`.',
        })
      }
      ring = files.prepare(recorded()?.serial ?? 0)
      const { next } = ring
      if (next === undefined) throw new HoldfastError('failed', 'the next key does not read back as written')
      if (!options.isLocked()) return turnTo(next.wgKey)
      keep.journal('wg-key', `${next.wgKey} awaits the signatures of people`)
      return own.follow()
    },
    follow() {
      const wgKey = wanted()
      try {
        return wgKey !== undefined && turnTo(wgKey)
      } catch (error) {
        // The disk takes nothing: the present key works as well, and the next set or start is another try.
        log.warn('the key stays as it is', { why: describeError(error) })
        return false
      }
    },
    programmed() {
      const news = !isProgrammed
      if (isOver()) own.forget()
      isProgrammed = true
      if (news || !sameBytes(spokenBy, signer.publicKey)) speak()
      return news && stated() !== undefined
    },
    forget() {
      if (files !== undefined) ring = files.forget()
      if (isProgrammed) speak()
      return status()
    },
  }

  adopt()
  return own
}
