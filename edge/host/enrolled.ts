// Who this device is, as enrolment and changes of its keys left it on the disk.

import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type DeviceKeys, loadKeys } from '../enrol/device-keys.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { Identity } from '../identity.ts'
import type { DeviceFiles } from '../keys/own-device.ts'
import { openDeviceFiles } from './device-files.ts'
import type { StateFiles } from './files.ts'

export interface Enrolled {
  readonly identity: Identity
  readonly keys: DeviceKeys
  readonly deviceFiles: DeviceFiles
}

/** Throws where it never joined, or where its keys are another device’s. */
export function enrolled({ clock, files }: { readonly clock: Clock; readonly files: StateFiles }): Enrolled {
  const identity = loadIdentity(files)
  const keys = loadKeys(files)
  if (identity === undefined || keys === undefined) {
    throw new HoldfastError('not-found', `this device has not joined: nothing in ${files.directory}`, {
      remedy: 'Run `holdfast join URL --token T`, or give the right --state.',
    })
  }
  if (keys.nodeId !== identity.nodeId) {
    throw new HoldfastError('corrupt', `the keys in ${files.directory} are not those of ${identity.name}`, {
      remedy: 'Bring the key files back from a backup, or run `holdfast leave --purge` and join again.',
    })
  }
  const deviceFiles = openDeviceFiles(files, clock, { network: identity.network.id, node: identity.nodeId })
  return { identity, keys, deviceFiles }
}
