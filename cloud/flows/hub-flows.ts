// The flows of devices among the parts of a hub; nothing where it keeps none.

import { HoldfastError } from '../../shared/errors.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import type { Hub, HubOptions } from '../hub.ts'
import type { Enrolment, HubStore } from '../store/hub-store.ts'
import { createFlowDesk, type FlowDesk, type FlowDeskOptions } from './desk.ts'
import { queryFleetFlows } from './fleet-flows.ts'
import type { LedgerFault } from './flow-store.ts'
import { namesNow } from './names-now.ts'

interface HubFlowsParts extends Pick<FlowDeskOptions, 'fleet' | 'networkId' | 'onLinks'> {
  readonly store: Pick<HubStore, 'putAudit'>
  readonly enrolments: ReadonlyMap<Name, Enrolment>
  readonly note: Hub['note']
  readonly glance: () => Pick<Hub, 'intended'>
}

export interface HubFlows {
  readonly desk: FlowDesk | undefined
  readonly people: Pick<Hub, 'flows' | 'flowRecords' | 'flowFigures' | 'acceptFlows'>
  fault(node: NodeId): LedgerFault | undefined
}

export function createHubFlows(options: HubOptions, parts: HubFlowsParts): HubFlows {
  const { flowStore: store } = options
  const putAudit: FlowDeskOptions['putAudit'] = (row) => parts.store.putAudit(row)
  const desk = store === undefined ? undefined : createFlowDesk({ ...options, ...parts, store, putAudit })
  const refuse = (): never => {
    throw new HoldfastError('unsupported', 'this hub keeps no flows')
  }
  return {
    desk,
    fault: (node) => desk?.fault(node),
    people: {
      flows: (query) =>
        store === undefined || desk === undefined
          ? refuse()
          : queryFleetFlows(
              store,
              desk.ledgers(),
              query,
              namesNow((kind) => parts.glance().intended(kind)),
            ),
      flowRecords: (network, sinceMs) =>
        (desk?.ledgers() ?? [])
          .filter((ledger) => ledger.network === network)
          .map(({ name, node }) => ({
            node: name,
            batches: store?.newest({ afterId: 0, sinceMs, node, denied: false }) ?? [],
          })),
      flowFigures: () => desk?.figures(),
      acceptFlows(name, actor) {
        const enrolment = parts.enrolments.get(name as Name)
        if (enrolment === undefined)
          throw new HoldfastError('not-found', `no device has enrolled as ${name.slice(0, 70)}`)
        ;(desk ?? refuse()).accept(enrolment.nodeId)
        parts.note(actor, 'accept-flows', `node/${name}`)
      },
    },
  }
}
