// By which key a device proves itself over HTTPS: the one that is known of it here, or a later one that the links it shows
// lead to. So a device whose change of keys never got here, because this hub was restored or shut it out, is the same device.

import { fromBase64 } from '../../shared/bytes.ts'
import type { Verify } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { DeviceKey, Name, NetworkId } from '../../shared/ids.ts'
import { followDevice, readDeviceLink } from '../../shared/record/device-link.ts'
import type { LockBook } from '../lock/lock-book.ts'
import type { Enrolment } from '../store/hub-store.ts'
import { devicePin } from './device-rekey.ts'

export interface ProofKeyOptions {
  readonly verify: Verify
  readonly networkId: (network: Name) => NetworkId | undefined
  readonly locks: Pick<LockBook, 'judge'>
}

export type ProofKey = (enrolment: Enrolment, links?: readonly string[]) => DeviceKey

export function createProofKey({ locks, networkId, verify }: ProofKeyOptions): ProofKey {
  return (enrolment, links = []) => {
    const network = networkId(enrolment.network)
    // Under a lock people sign for keys, and no link makes one count.
    if (links.length === 0 || network === undefined || locks.judge(network) !== undefined) return enrolment.deviceKey
    try {
      const offered = links.map((link) => readDeviceLink(fromBase64(link)))
      return followDevice(devicePin(enrolment), offered, { network, node: enrolment.nodeId, verify }).key
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      return enrolment.deviceKey
    }
  }
}
