// What settings of a further network of a device are where nothing else is said, and which it can't have.

import { HoldfastError } from '../../shared/errors.ts'
import { defaultStateDir } from './files.ts'
import { furtherName, networkDir } from './networks.ts'

interface Chosen {
  readonly attach: readonly string[]
  readonly kubernetes?: string | undefined
  readonly network?: string | undefined
}

/** What a further network has otherwise where nothing else is said. */
export function ofNetwork(settings: Record<string, unknown>): Record<string, unknown> {
  const { network, state } = settings
  if (typeof network !== 'string') return settings
  return {
    interface: furtherName(network),
    // Nobody else is there who would answer names.
    namesPort: 53,
    // The host's first network decides what runs on it.
    hubUpdates: 'off',
    ...settings,
    state: networkDir(typeof state === 'string' ? state : defaultStateDir, network),
  }
}

/** What a further network can't have, and the first one has no use for. */
export function withNetwork<S extends Chosen>(settings: S): S {
  const { attach, kubernetes, network } = settings
  if (network === undefined && attach.length > 0) {
    throw new HoldfastError('invalid', 'interfaces of this host are its first network’s anyway', {
      field: 'attach',
      remedy: 'Leave it out, or say which further network they are for with --network.',
    })
  }
  if (network !== undefined && kubernetes !== undefined) {
    throw new HoldfastError('invalid', 'pods of this host are reached by its first network', {
      field: 'kubernetes',
      remedy: 'Leave it out for a further network.',
    })
  }
  return settings
}
