// An agent that is asked and never acts; tests give it the words they need.

import { HoldfastError } from '../shared/errors.ts'
import type { Agent } from './agent.ts'

function refuse(): never {
  throw new HoldfastError('unsupported', 'this agent is asked and never acts')
}

export function fakeAgent(words: Pick<Agent, 'status'> & Partial<Agent>): Agent {
  return {
    start: async () => undefined,
    stop: async () => undefined,
    addresses: () => words.status().addresses,
    hasPeerAt: () => false,
    paths: () => ({ engine: 'off', natType: 'unknown', mapped: [], peers: [] }),
    figures: { relay: async () => undefined, ledOut: async () => [] },
    plan: async () => [],
    overrides: {
      views: () => [],
      set: refuse,
      restore: refuse,
    },
    mirror: { view: () => undefined, start: refuse, stop: refuse },
    flows: { query: refuse, batches: refuse, figures: () => undefined, fault: refuse },
    exportIntent: () => new Uint8Array(0),
    importIntent: () => false,
    retry: () => false,
    confirm: () => false,
    updates: () => undefined,
    trustAnew: () => undefined,
    keys: refuse,
    rotateKey: refuse,
    rotateDeviceKey: refuse,
    forgetKeys: refuse,
    drain: { isOn: () => false, set: refuse, go: refuse },
    wake: () => undefined,
    noteRtt: () => undefined,
    history: () => undefined,
    ...words,
  }
}
