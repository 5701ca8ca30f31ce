// Who stands behind a service, as far as the hub knows: nodes that its backends select, and which of them are connected. Whether
// they answer is found out by those who use it, each for itself.

import { type Labels, type Selector, selects } from '../../shared/intent/field.ts'
import { drainLabel } from '../../shared/intent/service.ts'

export interface Serving {
  /** Names, each list in order. */
  readonly online: readonly string[]
  readonly offline: readonly string[]
  /** Of either. */
  readonly draining: readonly string[]
}

export interface Candidate {
  readonly name: string
  readonly labels: Labels
  readonly online: boolean
}

/** `nodes`: members of the service's network. */
export function servingOf(backends: Selector, nodes: readonly Candidate[]): Serving {
  const selected = nodes.filter(({ labels }) => selects(backends, labels))
  const names = (list: readonly Candidate[]): readonly string[] => list.map(({ name }) => name).sort()
  return {
    online: names(selected.filter(({ online }) => online)),
    offline: names(selected.filter(({ online }) => !online)),
    draining: names(selected.filter(({ labels }) => labels[drainLabel] === 'true')),
  }
}
