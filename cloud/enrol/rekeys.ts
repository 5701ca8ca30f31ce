// Who takes other keys of devices, of either kind.

import type { Fleet } from '../fleet/fleet.ts'
import type { HubOptions } from '../hub.ts'
import type { Committed } from '../source/commit.ts'
import type { Change } from '../source/intents.ts'
import type { Enrolment } from '../store/hub-store.ts'
import { createDeviceRekey, type DeviceRekeyOptions } from './device-rekey.ts'
import { createProofKey, type ProofKeyOptions } from './proof-key.ts'
import { createRekey, type RekeyOptions } from './rekey.ts'

export function createRekeys(
  options: HubOptions,
  parts: Omit<RekeyOptions & DeviceRekeyOptions & ProofKeyOptions, keyof HubOptions | 'fleet' | 'onTaken'> & {
    readonly fleet: Fleet
    readonly announce: (changes: readonly Change[], committed: Committed) => void
  },
) {
  const onTaken = (enrolment: Enrolment, committed: Committed): void => {
    parts.fleet.add(enrolment)
    parts.announce([], committed)
  }
  const known = { ...options, ...parts, onTaken }
  return { rekey: createRekey(known), deviceRekey: createDeviceRekey(known), proofKey: createProofKey(known) }
}
