// This device's own WireGuard key: which it is, what it says of it, and how it is changed.
//
// Nothing is said of a new key before WireGuard has it: a peer that turned to it earlier would knock at a closed door for the
// five seconds that WireGuard takes between two tries.

import type { Clock, Log, Sha256, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sealKeyStatement } from '../../shared/fact/key-statement.ts'
import type { NetworkId, NodeId, WgKey } from '../../shared/ids.ts'
import type { PathSelf, PathTalk } from '../paths/path-talk.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { KeyBook } from './key-book.ts'
import type { Ring, RingKey } from './ring.ts'

/** Where the keys of the device lie. */
export interface KeyFiles {
  read(): Ring
  /** Makes the next key, with a serial above `above`, or finds the one that was made before. */
  prepare(above: number): Ring
  /** The next key is the one in use from now on. */
  advance(): Ring
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
}

export interface OwnKeyOptions {
  readonly node: NodeId
  readonly network: NetworkId
  readonly signer: Signer
  readonly sha256: Sha256
  readonly clock: Clock
  readonly log: Log
  /** The key where there are no files: it stays. */
  readonly wgKey: WgKey
  readonly files: KeyFiles | undefined
  readonly talk: PathTalk | undefined
  readonly book: Pick<KeyBook, 'state'>
  readonly keep: Pick<Keepsakes, 'journal'>
  /** Serial and key by the record of this node; undefined where it is no member. */
  readonly recorded: () => { readonly wgKey: WgKey; readonly serial: number } | undefined
  /** People sign for keys in this network. */
  readonly isLocked: () => boolean
}

export interface OwnKey {
  wgKey(): WgKey
  status(): KeyStatus
  /** Its envelope, where the record of this node does not say the same, and WireGuard has the key. */
  statement(): Uint8Array | undefined
  /** Another key from now on. Throws `forbidden` under a membership lock. */
  rotate(): KeyStatus
  /** The kernel was brought to what it should be. True where it has another key of this device since. */
  programmed(): boolean
  /** Keys of former days are no longer answered to. */
  forget(): KeyStatus
}

/** How long a peer may have been away and still find this device by its own word, if it finds nobody else. */
const RETIRED_MS = 30 * 86_400_000

export function createOwnKey(options: OwnKeyOptions): OwnKey {
  const { book, clock, files, keep, network, node, recorded, sha256, signer, talk } = options
  let ring = files?.read()
  let isProgrammed = false
  let envelope: { readonly of: RingKey; readonly bytes: Uint8Array } | undefined

  const serialOf = ({ serial, wgKey }: Pick<RingKey, 'serial' | 'wgKey'>): number => {
    const known = recorded()
    // A list that was lost: the record still tells which serial the key has.
    return known?.wgKey === wgKey ? Math.max(serial, known.serial) : serial
  }

  const stated = (): Uint8Array | undefined => {
    const current = ring?.current
    if (current === undefined || current.serial === 0) return undefined
    if (envelope?.of !== current) {
      const word = { network, node, serial: current.serial, wgKey: current.wgKey }
      envelope = { of: current, bytes: sealKeyStatement(word, signer, sha256) }
    }
    return envelope.bytes
  }

  const selfOf = (key: RingKey, by: KeyFiles): PathSelf => ({ wgKey: key.wgKey, sharedWith: by.sharedWith(key) })

  /** Everybody here goes by the ring. */
  const adopt = (): void => {
    if (files === undefined || ring === undefined) return
    const { current, retired } = ring
    if (current.serial > 0) book.state({ network, node, serial: current.serial, wgKey: current.wgKey })
    const former = retired.map((key) => selfOf(key, files))
    talk?.become({ self: selfOf(current, files), former, statement: stated() })
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
    }
  }

  /** Whoever was away is back by now, or has been told by others. */
  const isOver = (): boolean => {
    const { current, retired } = ring ?? { current: undefined, retired: [] }
    return current !== undefined && retired.length > 0 && clock.now() - current.madeAt > RETIRED_MS
  }

  const own: OwnKey = {
    wgKey: () => ring?.current.wgKey ?? options.wgKey,
    status,
    statement() {
      const known = recorded()
      const current = ring?.current
      if (!isProgrammed || current === undefined || known === undefined || options.isLocked()) return undefined
      return current.serial > known.serial ? stated() : undefined
    },
    rotate() {
      if (files === undefined) throw new HoldfastError('unsupported', 'the keys of this device are not kept in files')
      if (recorded() === undefined) {
        throw new HoldfastError('forbidden', 'this device is no member of its network', {
          remedy: 'Nobody would follow to another key. See `holdfast-hub get nodes`.',
        })
      }
      if (options.isLocked()) {
        throw new HoldfastError(
          'forbidden',
          'this network has a membership lock: people sign for a device with its key',
          {
            remedy:
              'Nobody would believe another key. Let the device leave with --purge, join again, and be signed for.',
          },
        )
      }
      const before = own.wgKey()
      files.prepare(recorded()?.serial ?? 0)
      ring = files.advance()
      isProgrammed = false
      adopt()
      keep.journal('wg-key', `${before} gave way to ${own.wgKey()}, serial ${ring.current.serial}`)
      return status()
    },
    programmed() {
      const news = !isProgrammed
      if (isOver()) own.forget()
      isProgrammed = true
      return news && stated() !== undefined
    },
    forget() {
      if (files !== undefined) ring = files.forget()
      adopt()
      return status()
    },
  }

  adopt()
  return own
}
