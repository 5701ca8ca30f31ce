// Another device key of a device, by the links that it puts in front of its facts: each signed by the former key and by the new
// one. What leads on from the key that is known here is taken into the record, and from then on the former key proves nothing.
// Of two that follow one key the first counts that came here: that decides it for everybody.
//
// Under a membership lock people sign for a device together with its key: there the device asks, and its record has the key as
// soon as enough of them have signed.

import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Clock, Log, Sha256, Verify } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { DeviceKey, Name, NetworkId, NodeId } from '../../shared/ids.ts'
import { deviceLinksKeptMax } from '../../shared/limits.ts'
import {
  type DeviceLink,
  type DevicePin,
  isDeviceLink,
  linksFrom,
  nodeIdOf,
  readDeviceLink,
} from '../../shared/record/device-link.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { LockBook } from '../lock/lock-book.ts'
import type { Commit, Committed } from '../source/commit.ts'
import type { Enrolment, HubStore } from '../store/hub-store.ts'
import { createRefusals } from './refusals.ts'

export interface DeviceRekeyOptions {
  readonly clock: Clock
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  readonly store: HubStore
  readonly enrolments: Map<Name, Enrolment>
  readonly fleet: Pick<Fleet, 'enrolment'>
  readonly networkId: (network: Name) => NetworkId | undefined
  readonly locks: Pick<LockBook, 'judge'>
  readonly commit: Commit
  /** The enrolment is this from now on. */
  readonly onTaken: (enrolment: Enrolment, committed: Committed) => void
}

/** Takes links that a device sent; what does not hold is logged, and written in the audit log once. */
export type DeviceRekey = (node: NodeId, links: readonly DeviceLink[]) => void

export function devicePin({ deviceKey, deviceSerial = 0 }: Pick<Enrolment, 'deviceKey' | 'deviceSerial'>): DevicePin {
  return { key: deviceKey, serial: deviceSerial }
}

type NextDevice = NonNullable<Enrolment['nextDevice']>

/** The device by the key that it asks for. What people signed with its former key counts for nothing any more. */
export function withDevice(enrolment: Enrolment, nextDevice: NextDevice): Enrolment {
  const { deviceKey, links, serial, signatures } = nextDevice
  const { lists: _, next, nextDevice: __, signatures: ___, ...rest } = enrolment
  return {
    ...rest,
    deviceKey,
    deviceSerial: serial,
    deviceLinks: [...(enrolment.deviceLinks ?? []), ...links].slice(-deviceLinksKeptMax),
    ...(next === undefined ? {} : { next: { ...next, signatures: [], lists: [] } }),
    ...(nextDevice.lists === undefined ? {} : { lists: nextDevice.lists }),
    ...(signatures.length === 0 ? {} : { signatures }),
  }
}

/** As the audit log tells it. */
export function followWords(
  { deviceKey: before }: Pick<Enrolment, 'deviceKey'>,
  { deviceKey, serial }: Pick<NextDevice, 'deviceKey' | 'serial'>,
): string {
  return `serial ${serial}, ${deviceKey} follows ${before}`
}

function refuse(message: string): never {
  throw new HoldfastError('forbidden', message)
}

export function createDeviceRekey(options: DeviceRekeyOptions): DeviceRekey {
  const { clock, commit, enrolments, log, networkId, sha256, store, verify } = options
  const refusals = createRefusals({ clock, log, store, what: 'another device key', verb: 'rotate-device-key-refused' })

  const check = ({ deviceKey, deviceLinks = [], name, nodeId, state }: Enrolment, key: DeviceKey): void => {
    if (state !== 'approved') refuse('the device was not let in yet')
    const former = deviceLinks.map((link) => readDeviceLink(fromBase64(link)).key)
    if (key === deviceKey || former.includes(key) || nodeIdOf(key, sha256) === nodeId) refuse('it had that key before')
    for (const other of enrolments.values()) {
      if (other.name === name) continue
      if (other.deviceKey === key || nodeIdOf(key, sha256) === other.nodeId) refuse(`the key is of ${other.name}`)
    }
  }

  const put = (next: Enrolment, verb: string, detail: string): void => {
    const { name } = next
    const committed = commit(
      [],
      { name, role: 'device' },
      {
        enrolments: new Map([[name, next]]),
        store() {
          store.putEnrolment(next)
          store.putAudit({ at: clock.now(), actor: name, verb, target: `node/${name}`, detail })
        },
      },
    )
    enrolments.set(name, next)
    options.onTaken(next, committed)
  }

  const follow = (enrolment: Enrolment, path: readonly DeviceLink[], isLocked: boolean): void => {
    const last = path.at(-1)
    if (last === undefined) return
    const wanted = {
      deviceKey: last.next,
      serial: last.serial,
      links: path.map(({ bytes }) => toBase64(bytes)),
      signatures: [],
    }
    const detail = followWords(enrolment, wanted)
    if (!isLocked) return put(withDevice(enrolment, wanted), 'rotate-device-key', detail)
    const { nextDevice } = enrolment
    if (nextDevice?.deviceKey === last.next && nextDevice.serial === last.serial) return
    put({ ...enrolment, nextDevice: wanted }, 'ask-device-key', detail)
  }

  return (node, links) => {
    const name = options.fleet.enrolment(node)?.name
    const enrolment = name === undefined ? undefined : enrolments.get(name)
    const network = enrolment === undefined ? undefined : networkId(enrolment.network)
    if (enrolment === undefined || network === undefined) return
    const scope = { network, node, verify }
    const path = linksFrom(devicePin(enrolment), links, (link) => isDeviceLink(link, scope))
    const last = path.at(-1)
    if (last === undefined) return
    try {
      for (const { next } of path) check(enrolment, next)
      follow(enrolment, path, options.locks.judge(network) !== undefined)
      refusals.forget(node)
    } catch (error) {
      refusals.tell(enrolment, last.next, error)
    }
  }
}
