// Broker credentials for agents of clusters, for a proof that they hold the cluster's key.

import type { Clock, Entropy, Verify } from '../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import type { BrokerAccess } from '../broker-access.ts'
import { createRenewal } from '../enrol/renew.ts'
import type { Hub, HubOptions } from '../hub.ts'
import type { Enrolment } from '../store/hub-store.ts'
import type { Clusters } from './clusters.ts'
import type { ClusterRow, Registry } from './registry.ts'

export interface ClusterRenewalOptions {
  readonly registry: Registry
  readonly hub: Pick<Hub, 'note'>
  readonly brokerAccess: BrokerAccess
  readonly broker: HubOptions['broker']
  /** Of the hub: the present one first. */
  readonly pins: readonly Uint8Array[]
  readonly verify: Verify
  readonly clock: Clock
  readonly entropy: Entropy
}

/** As much of an enrolment as credentials are given for. */
function enrolmentOf({ createdAt, key, name, node }: ClusterRow): Enrolment {
  const named = parseName(name)
  return {
    name: named,
    nodeId: node,
    network: named,
    wgKey: '' as Enrolment['wgKey'],
    deviceKey: key,
    state: 'approved',
    tokenId: '',
    at: createdAt,
  }
}

/** As those of devices, whose credentials are no others. */
export function createClusterRenewal(options: ClusterRenewalOptions): Pick<Clusters, 'challenge' | 'renew'> {
  const { brokerAccess: access, hub, registry } = options
  const renewal = createRenewal({
    ...options,
    access,
    enrolmentOf(node) {
      const row = registry.list().find((one) => one.node === node)
      return row === undefined ? undefined : enrolmentOf(row)
    },
    proofKey: ({ deviceKey }) => deviceKey,
    stateOf: () => undefined,
    networkOf(name) {
      const row = registry.get(name)
      return row === undefined ? undefined : { state: { name, id: row.channel, epoch: 0 } }
    },
    onRenewed: ({ name }) => hub.note({ name: `cluster/${name}`, role: 'device' }, 'renew', `cluster/${name}`),
  })
  return {
    challenge: (node) => renewal.challenge(node),
    async renew(request) {
      try {
        return await renewal.renew(request)
      } catch (error) {
        if (!isHoldfastError(error, 'forbidden')) throw error
        throw new HoldfastError('forbidden', 'the agent could not prove that it speaks for a cluster of this hub', {
          remedy: 'See `holdfast-hub cluster list`. `holdfast-hub cluster rekey NAME` makes another key.',
        })
      }
    },
  }
}
