// The first step of a renumbering, rehearsed: which addresses nodes would have. Nothing of it stays, so people sign for what
// comes true if nobody joins or leaves meanwhile; who is not signed for then is named when it begins.

import type { Address } from '../../shared/address/cidr.ts'
import type { Name } from '../../shared/ids.ts'
import { renumberSteps } from '../../shared/intent/renumber-steps.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import type { RenumberTo } from '../../shared/record/lock-bundle.ts'
import type { Addresses } from '../compile/addresses.ts'
import type { Commit } from '../source/commit.ts'
import type { Intents } from '../source/intents.ts'
import type { Enrolment } from '../store/hub-store.ts'
import type { Planned } from './candidates.ts'

export interface RehearseOptions {
  readonly addresses: Pick<Addresses, 'of'>
  readonly commit: Commit
  readonly enrolments: ReadonlyMap<Name, Enrolment>
  readonly intents: Pick<Intents, 'get' | 'prepare'>
}

/** Throws as the step itself would, but for signatures that lack. */
export function rehearse(options: RehearseOptions, name: Name, to: RenumberTo): Planned {
  const network = options.intents.get('Network', name)?.resource as Resource<'Network'>
  const spec = renumberSteps.start(network.spec, to)
  const addresses = new Map<Name, readonly Address[]>()
  options.commit(
    options.intents.prepare([{ ...network, spec }]),
    { name: 'hub', role: 'admin' },
    {
      lock: { of: name, judge: undefined, records: new Map() },
      store() {
        for (const node of options.enrolments.keys()) addresses.set(node, options.addresses.of(name, `node/${node}`))
      },
    },
    true,
  )
  return { spec, addresses }
}
