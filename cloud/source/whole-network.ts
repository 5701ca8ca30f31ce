// All records that a network should have, from intent alone: also what a crash kept from being signed.

import type { Name } from '../../shared/ids.ts'
import { appliedKinds } from '../../shared/intent/resource.ts'
import type { Judge } from '../../shared/record/member.ts'
import type { RecordSet } from '../../shared/record/record.ts'
import type { Addresses } from '../compile/addresses.ts'
import { compile, ownerOf } from '../compile/compile.ts'
import type { Enrolment } from '../store/hub-store.ts'
import { type Intents, networkNameOf } from './intents.ts'

export interface WholeNetworkOptions {
  readonly intents: Pick<Intents, 'of'>
  readonly addresses: Pick<Addresses, 'of'>
  readonly enrolments: ReadonlyMap<Name, Enrolment>
}

export function wholeNetwork(
  { addresses, enrolments, intents }: WholeNetworkOptions,
  network: Name,
  judge: Judge | undefined,
): RecordSet {
  const records = new Map<string, Uint8Array>()
  for (const kind of appliedKinds) {
    for (const { resource } of intents.of(kind)) {
      if (networkNameOf(resource) !== network) continue
      const enrolment = kind === 'Node' ? enrolments.get(resource.metadata.name) : undefined
      const made = compile(resource, {
        addresses: addresses.of(network, ownerOf(resource)),
        ...(enrolment === undefined ? {} : { enrolment }),
        ...(judge === undefined ? {} : { judge }),
      })
      if (made !== undefined) records.set(made.id, made.bytes)
    }
  }
  return records
}
