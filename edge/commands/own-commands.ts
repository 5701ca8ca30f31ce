// The commands of the hub to this agent, made of its parts.

import type { AgentOptions } from '../agent.ts'
import type { Running } from '../agent-link.ts'
import type { Parts } from '../agent-parts.ts'
import { firstKeyring } from '../trust/keys.ts'
import { type Commands, createCommands } from './commands.ts'

/** Undefined where this host can't carry any out. */
export function createOwnCommands(
  options: AgentOptions,
  { anchors, clock, holding, keep, ownDevice }: Parts,
  running: Pick<Running, 'link'>,
): Commands | undefined {
  const { commands: doors, identity } = options
  if (doors === undefined) return undefined
  return createCommands({
    ...options,
    clock,
    doors,
    network: identity.network.id,
    self: identity.nodeId,
    trusted: () => (holding.held()?.ring ?? firstKeyring(anchors)).keys,
    signer: ownDevice.recordedSigner,
    journal: (event, detail) => keep.journal(event, detail),
    send: async (chunk) => running.link?.tellAnswer(chunk),
  })
}
