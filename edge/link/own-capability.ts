// The capability of this agent: the keeper over the set that is in force and the keys that come with it.

import { toBase64 } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { noVersion } from '../../shared/record/head.ts'
import type { AgentOptions } from '../agent.ts'
import type { Holding } from '../trust/holding.ts'
import { type Anchors, firstKeyring } from '../trust/keys.ts'
import { type CapabilityKeeper, type CapabilityKeeperOptions, createCapabilityKeeper } from './capability-keeper.ts'

export interface OwnCapabilityParts {
  readonly anchors: Anchors
  readonly clock: Clock
  readonly holding: Pick<Holding, 'held'>
}

export function createOwnCapability(
  options: Pick<AgentOptions, 'entropy' | 'identity' | 'inflate' | 'log' | 'sha256' | 'signer' | 'store' | 'verify'>,
  { anchors, clock, holding }: OwnCapabilityParts,
  send: CapabilityKeeperOptions['send'],
): CapabilityKeeper {
  const { identity, signer } = options
  return createCapabilityKeeper({
    ...options,
    clock,
    network: identity.network.id,
    node: identity.nodeId,
    deviceKey: parseDeviceKey(toBase64(signer.publicKey)),
    keys: () => (holding.held()?.ring ?? firstKeyring(anchors)).keys,
    have: () => holding.held()?.version ?? noVersion,
    send,
  })
}
