// What lets some go before others: canaries of intent, and roll-outs of agent versions.

import type { Name } from '../../shared/ids.ts'
import { type Canaries, type CanariesOptions, createCanaries } from '../fleet/canaries.ts'
import type { HubOptions } from '../hub.ts'
import { createRollouts, type Rollouts, type RolloutsParts } from './rollouts.ts'

export interface Waves {
  readonly canaries: Canaries
  readonly rollouts: Rollouts
  start(): void
  stop(): void
}

export interface WavesParts extends Omit<RolloutsParts, 'isCanary' | 'members'>, Pick<CanariesOptions, 'finish'> {
  readonly members: CanariesOptions['members'] & RolloutsParts['members']
}

export function createWaves(options: HubOptions, parts: WavesParts): Waves {
  const { finish, intents, members, networks } = parts
  const { clock, log } = options
  const newest = (network: Name) => {
    const publisher = networks.get(network)?.publisher
    return publisher?.isSigned === true ? publisher.version : undefined
  }
  const canaries = createCanaries({ clock, log, intents, members, newest, finish })
  const rollouts = createRollouts(options, {
    ...parts,
    isCanary: (network) => canaries.states(network).length > 0,
  })
  return {
    canaries,
    rollouts,
    start() {
      canaries.start()
      rollouts.start()
    },
    stop() {
      canaries.stop()
      rollouts.stop()
    },
  }
}
