// What nodes say of the pods behind them: the others in their facts, this one by what it reads itself.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { AgentOptions } from '../agent.ts'
import type { WishPods } from '../apply/wish.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Members } from '../trust/members.ts'
import { createOwnPods, type OwnPods, type OwnPodsOptions } from './own-pods.ts'

const NOWHERE: readonly Cidr[] = []

export function openOwnPods(
  options: Pick<AgentOptions, 'entropy' | 'log' | 'pods' | 'store'>,
  { members, ...known }: Pick<OwnPodsOptions, 'clock' | 'health' | 'keep'> & { readonly members: Pick<Members, 'me'> },
  onChange: () => void,
): OwnPods {
  const { entropy, log, pods: doors, store } = options
  const advertise = (): readonly Cidr[] => members.me()?.advertise ?? NOWHERE
  return createOwnPods({ ...known, doors, entropy, log, store, advertise, onChange })
}

export function createPodWords(
  self: NodeId,
  facts: Pick<FactBook, 'facts' | 'podsRevision'>,
  own: Pick<OwnPods, 'isRead' | 'revision' | 'table'>,
): WishPods {
  return {
    here: own.isRead,
    of(node) {
      if (node !== self) return facts.facts.get(node)?.fact
      const podTable = own.table()
      return podTable === undefined ? undefined : { podTable }
    },
    // Both only rise, so their sum tells a change of either.
    revision: () => facts.podsRevision() + own.revision(),
  }
}
