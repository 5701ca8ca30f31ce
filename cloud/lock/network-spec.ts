// `Network.spec.membershipLock` shows the lock in force. Nobody puts it there by writing it: only the signatures of its keys
// do. Who applies a Network that says nothing of it leaves it as it is.

import { HoldfastError } from '../../shared/errors.ts'
import type { AnyResource } from '../../shared/intent/resource.ts'
import { encodeCanonicalText } from '../../shared/record/canonical.ts'
import { isLocked } from '../../shared/record/lock.ts'
import type { Networks } from '../publish/networks.ts'
import type { LockBook } from './lock-book.ts'

/** `resource` with the lock in force, if it is a Network. Throws `forbidden` where it names another one. */
export function withLock(resource: AnyResource, locks: LockBook, networks: Networks): AnyResource {
  if (resource.kind !== 'Network') return resource
  const { name } = resource.metadata
  const live = networks.get(name)
  const lock = live === undefined ? undefined : locks.chain(live.state.id).at(-1)?.lock
  const shown = isLocked(lock) ? { keys: [...lock.keys], threshold: lock.threshold } : undefined
  const { membershipLock: wanted } = resource.spec
  if (wanted === undefined) {
    return shown === undefined ? resource : { ...resource, spec: { ...resource.spec, membershipLock: shown } }
  }
  if (encodeCanonicalText(wanted) === encodeCanonicalText(shown ?? null)) return resource
  throw new HoldfastError('forbidden', 'a membership lock is not applied, it is signed', {
    field: `Network/${name} spec.membershipLock`,
    remedy: 'Leave it out here. Use `holdfast-hub lock init`, `lock change` and `lock end`.',
  })
}
