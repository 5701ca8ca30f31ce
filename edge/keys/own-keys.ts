// The keys of this agent's network: who goes by which, and its own, made from the parts that know of members and the lock.

import type { Clock } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type DeviceLink, splitLed } from '../../shared/record/device-link.ts'
import { isLocked } from '../../shared/record/lock.ts'
import type { AgentOptions } from '../agent.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { LockedHolding } from '../trust/locked.ts'
import { createDeviceBook, type DeviceBook, pinOf } from './device-book.ts'
import { createKeyBook, type KeyBook } from './key-book.ts'
import { createOwnDevice, type OwnDevice } from './own-device.ts'
import { createOwnKey, type OwnKey } from './own-key.ts'
import { rekeyHolding } from './rekeyed.ts'

export interface KeysParts {
  readonly clock: Clock
  readonly keep: Keepsakes
  /** The set in force under the membership lock. */
  readonly locked: LockedHolding
}

export interface Keys {
  readonly keyBook: KeyBook
  readonly ownKey: OwnKey
  readonly deviceBook: DeviceBook
  readonly ownDevice: OwnDevice
  /** The set in force with the keys that members go by. */
  readonly holding: LockedHolding
  /** A member says that it has another key. */
  readonly onKey: (node: NodeId, statement: Uint8Array) => void
  /** Links between device keys came in front of something that a node said. */
  readonly onLinks: (node: NodeId, links: readonly DeviceLink[]) => void
}

/** `onChange`: a peer goes by another key from now on. */
export function createKeys(options: AgentOptions, { clock, keep, locked }: KeysParts, onChange: () => void): Keys {
  const { identity, log, paths, sha256, signer, verify, wgKey } = options
  const underLock = (): boolean => isLocked(locked.pin.lock())
  const record = (node: NodeId) => locked.inForce()?.parsed.records.nodes.find(({ nodeId }) => nodeId === node)
  const pin = (node: NodeId) => {
    const known = record(node)
    return known === undefined ? undefined : pinOf(known)
  }
  const network = identity.network.id
  const deviceBook = createDeviceBook({ network, verify, log, recorded: pin, isLocked: underLock })
  const ownDevice = createOwnDevice({
    node: identity.nodeId,
    signer,
    files: options.deviceFiles,
    clock,
    log,
    book: deviceBook,
    keep,
    recorded: () => pin(identity.nodeId),
    isLocked: underLock,
  })
  const keyBook = createKeyBook({
    network,
    sha256,
    verify,
    log,
    keyOf: (node) => deviceBook.keyOf(node),
    recordedKeyOf: (node) => record(node)?.deviceKey,
  })
  const ownKey = createOwnKey({
    node: identity.nodeId,
    network,
    signer,
    links: () => ownDevice.links(),
    sha256,
    clock,
    log,
    wgKey,
    files: options.keyFiles,
    talk: paths?.talk,
    book: keyBook,
    keep,
    recorded() {
      const own = record(identity.nodeId)
      return own === undefined ? undefined : { wgKey: own.wgKey, serial: own.wgSerial ?? 0, next: own.next?.wgKey }
    },
    isLocked: underLock,
  })
  const onLinks = (node: NodeId, links: readonly DeviceLink[]): void => {
    const before = deviceBook.revision()
    const moved = deviceBook.hear(node, links)
    if (moved) log.info('a peer goes by another device key', { node })
    if (deviceBook.revision() !== before) onChange()
  }
  /** What stands behind the links; what does not come apart is for the book to refuse. */
  const unled = (node: NodeId, said: Uint8Array): Uint8Array => {
    try {
      const { envelope, links } = splitLed(said)
      if (links.length > 0) onLinks(node, links)
      return envelope
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      return said
    }
  }
  return {
    keyBook,
    ownKey,
    deviceBook,
    ownDevice,
    holding: rekeyHolding(locked, deviceBook, keyBook, underLock),
    onKey(node, said) {
      if (node === identity.nodeId || !keyBook.offer(node, unled(node, said))) return
      log.info('a peer goes by another key', { node })
      onChange()
    },
    onLinks,
  }
}
