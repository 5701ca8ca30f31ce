// An agent that is asked and never acts, for tests of what stands around it.

import { showCondition } from '../../shared/health.ts'
import { fakeAgent as idleAgent } from '../agent.fake.ts'
import type { Agent, AgentOptions, AgentStatus } from '../agent.ts'
import { createTally } from '../gossip/tally.ts'

export function fakeAgent(options: AgentOptions, events: string[]): Agent {
  const { identity, settings } = options
  const version = { epoch: 1, revision: 1 }
  const status = (): AgentStatus => ({
    node: identity.name,
    nodeId: identity.nodeId,
    network: identity.network.name,
    addresses: [],
    hub: { connected: false, since: 0, url: identity.hubUrl },
    mode: 'autonomous',
    modeSince: 0,
    revision: { held: version, applied: version, lastGood: version },
    rootKey: { key: '0123456789abcdef', serial: 0 },
    overrides: [],
    uplink: { metered: false },
    peers: [],
    health: (options.hostConditions?.() ?? []).map(showCondition),
    upkeep: { bytesToday: 0, by: { relays: 0, outlook: 0, wireguard: 0, hub: 0, gossip: 0 }, thrift: 0 },
    gossip: createTally(options.clock).status(),
    uptimeS: 1,
    version: settings.version,
  })
  return idleAgent({
    start: async () =>
      void events.push(`start on ${settings.interface}:${settings.listenPort > 51_839 ? 'own' : settings.listenPort}`),
    stop: async () => void events.push('stop'),
    status,
    plan: async () => [{ op: 'link-add' }],
  })
}
