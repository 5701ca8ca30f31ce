// The capability of this agent: the keeper over the set that is in force and the keys that come with it.

import type { Clock } from '../../shared/effects.ts'
import { noVersion } from '../../shared/record/head.ts'
import type { AgentOptions } from '../agent.ts'
import type { OwnDevice } from '../keys/own-device.ts'
import type { Holding } from '../trust/holding.ts'
import { type Anchors, firstKeyring } from '../trust/keys.ts'
import { type CapabilityKeeper, type CapabilityKeeperOptions, createCapabilityKeeper } from './capability-keeper.ts'

export interface OwnCapabilityParts {
  readonly anchors: Anchors
  readonly clock: Clock
  readonly holding: Pick<Holding, 'held'>
  readonly ownDevice: Pick<OwnDevice, 'keys' | 'recordedKey'>
}

export function createOwnCapability(
  options: Pick<AgentOptions, 'entropy' | 'identity' | 'inflate' | 'log' | 'sha256' | 'store' | 'verify'>,
  { anchors, clock, holding, ownDevice }: OwnCapabilityParts,
  send: CapabilityKeeperOptions['send'],
): CapabilityKeeper {
  const { identity } = options
  return createCapabilityKeeper({
    ...options,
    clock,
    network: identity.network.id,
    node: identity.nodeId,
    deviceKey: () => ownDevice.recordedKey(),
    deviceKeys: () => ownDevice.keys(),
    keys: () => (holding.held()?.ring ?? firstKeyring(anchors)).keys,
    have: () => holding.held()?.version ?? noVersion,
    send,
  })
}
