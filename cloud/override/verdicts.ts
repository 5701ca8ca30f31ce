// What people say at the hub of the policy overrides of devices. A verdict is a record of the signed set, so that it reaches
// the device by whatever way intent does; it stays there until the device has told that it heard it.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { type Name, type NodeId, parseNodeId } from '../../shared/ids.ts'
import { name, text } from '../../shared/intent/field.ts'
import { verdictsMax } from '../../shared/limits.ts'
import { encodeRecord } from '../../shared/record/record.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { Networks } from '../publish/networks.ts'
import type { HubStore } from '../store/hub-store.ts'

const verdictSchema = v.strictObject({
  /** Id of the override. */
  id: name,
  node: text(parseNodeId, 'node-id'),
  network: name,
  verdict: v.picklist(['accepted', 'dropped']),
})
export type Verdict = v.InferOutput<typeof verdictSchema>

export interface Verdicts {
  of(id: Name): Verdict['verdict'] | undefined
  /** Of one network: its records. */
  records(network: Name): ReadonlyMap<string, Uint8Array>
  /** Throws `exhausted` or `too-large` where it would not fit. */
  check(verdict: Verdict): void
  /** Keeps it; inside a transaction of the store, followed by `announce` once that has succeeded. */
  keep(verdict: Verdict): void
  announce(verdict: Verdict): void
  /** What was kept and not announced is forgotten: the transaction failed. */
  reload(): void
  /** Takes back what the device has followed. */
  heard(node: NodeId): void
  /** The device is gone. */
  forget(node: NodeId): void
}

/** The name under which the store keeps them. */
const KEY = 'verdicts'

export function keepVerdicts(store: Pick<HubStore, 'putValue'>, list: readonly Verdict[]): void {
  store.putValue(KEY, JSON.stringify(list))
}

function recordOf({ id, node, verdict }: Verdict): { readonly id: string; readonly bytes: Uint8Array } {
  const record = `verdict/${id}`
  return { id: record, bytes: encodeRecord({ kind: 'verdict', id: record, body: { name: id, node, verdict } }) }
}

export function createVerdicts(store: HubStore, fleet: Pick<Fleet, 'overridden'>, networks: Networks): Verdicts {
  let held = new Map<Name, Verdict>()

  const reload = (): void => {
    const kept = v.parse(v.array(verdictSchema), JSON.parse(store.value(KEY) ?? '[]'))
    held = new Map(kept.map((one) => [one.id, one]))
  }
  const save = (): void => keepVerdicts(store, [...held.values()])

  const drop = (list: readonly Verdict[]): void => {
    if (list.length === 0) return
    for (const { id } of list) held.delete(id)
    save()
    for (const one of list) networks.get(one.network)?.publisher.set(recordOf(one).id, undefined)
  }
  const about = (node: NodeId): readonly Verdict[] => [...held.values()].filter((one) => one.node === node)

  reload()
  return {
    of: (id) => held.get(id)?.verdict,
    records(network) {
      const own = [...held.values()].filter((one) => one.network === network)
      return new Map(own.map(recordOf).map(({ bytes, id }) => [id, bytes]))
    },
    check(verdict) {
      if (held.size >= verdictsMax) {
        throw new HoldfastError('exhausted', `${verdictsMax} verdicts wait for devices that have not heard them yet`, {
          remedy: 'Delete the Nodes of devices that will not come back.',
        })
      }
      const { bytes, id } = recordOf(verdict)
      networks.get(verdict.network)?.publisher.checkRoom(new Map([[id, bytes]]))
    },
    keep(verdict) {
      held.set(verdict.id, verdict)
      save()
    },
    announce(verdict) {
      const { bytes, id } = recordOf(verdict)
      networks.get(verdict.network)?.publisher.set(id, bytes)
    },
    reload,
    heard(node) {
      const told = fleet.overridden().find(({ enrolment }) => enrolment.nodeId === node)?.overrides ?? []
      const holds = new Set(told.flatMap(({ end, id }) => (end === undefined ? [id] : [])))
      drop(about(node).filter(({ id }) => !holds.has(id)))
    },
    forget: (node) => drop(about(node)),
  }
}
