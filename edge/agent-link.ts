// The link to the hub with the parts of an agent: what comes in goes to the door for intent, to the book of facts, to gossip.

import type { AgentOptions } from './agent.ts'
import type { Parts } from './agent-parts.ts'
import type { Loop } from './apply/loop.ts'
import type { Commands } from './commands/commands.ts'
import type { Confirm } from './confirm/confirm.ts'
import type { FlowSender } from './flows/sender.ts'
import type { OwnGossip } from './gossip/own-gossip.ts'
import { createHubLink, type HubLink } from './link/hub-link.ts'
import { createSync } from './link/sync.ts'
import type { OwnOverrides } from './override/own-overrides.ts'
import type { Announcer } from './report/announcer.ts'
import { linkFlapMs, tellLink } from './report/link-health.ts'
import type { Intake } from './trust/intake.ts'
import type { Orders } from './update/orders.ts'
import type { Update } from './update/update.ts'

/** Garbage on a topic is remembered for so long after the last of it. */
const REFUSED_FOR_MS = 10 * 60_000
/** What comes to be once the agent runs. */
export interface Running {
  link: HubLink | undefined
  announcer: Announcer | undefined
  /** Undefined where each revision is taken at its word. */
  confirm: Confirm | undefined
  /** Undefined where no starter could start another version. */
  update: Update | undefined
  /** Undefined where this agent takes no orders to update. */
  orders: Orders | undefined
  /** Undefined where this host can't carry out what the hub says. */
  commands: Commands | undefined
}

export function notRunning(): Running {
  return {
    link: undefined,
    announcer: undefined,
    confirm: undefined,
    update: undefined,
    orders: undefined,
    commands: undefined,
  }
}

export function tellRefused({ health, keep }: Parts, detail: string, lasting: boolean): void {
  health.raise('intent-rejected', detail, lasting ? { afterMs: linkFlapMs } : { forMs: REFUSED_FOR_MS })
  keep.journal('intent-rejected', detail)
}

/** Undefined until the hub was found, or looked for in vain; false, too, where it seems to be there and does not listen. */
export function hubIsThere({ mode }: Pick<Parts, 'mode'>, { link }: Pick<Running, 'link'>): boolean | undefined {
  if (mode.now().mode === 'online') return link?.isDoubtful() !== true
  return link?.state().failure === undefined ? undefined : false
}

/** What the hub's link hands on. */
interface Takers {
  readonly intake: Pick<Intake, 'take'>
  readonly gossip: Pick<OwnGossip, 'fact' | 'follow'>
  readonly overrides: Pick<OwnOverrides, 'isHeard' | 'told'>
  /** Undefined where the record of flows stays here. */
  readonly flows: FlowSender | undefined
}

export function openLink(
  options: AgentOptions,
  parts: Parts,
  running: Running,
  loop: Loop,
  { flows, gossip, intake, overrides }: Takers,
): HubLink {
  const { entropy, identity, log } = options
  const { anchors, clock, facts, health, holding, keep, mode } = parts
  const onRefused = (detail: string, lasting: boolean): void => tellRefused(parts, detail, lasting)
  const onChange = (): void => {
    const state = link.state()
    tellLink(health, state)
    const changed = mode.update(state)
    gossip.follow()
    if (changed) running.orders?.look()
    if (!changed) return
    const online = mode.now().mode === 'online'
    log.info(online ? 'the hub is there' : 'the hub is away; the node works on by itself')
    if (!online) parts.uplinks.doubt()
    keep.write('keep the mode', () => mode.saveChange())
    keep.journal(mode.now().mode, state.failure?.reason ?? '')
  }
  const sync = createSync({
    anchors,
    clock,
    entropy,
    log,
    inflate: options.inflate,
    held: () => holding.held(),
    onAccepted: (accepted) => intake.take(accepted, { by: 'hub' }),
    onRefused,
    onSound: () => health.clear('intent-rejected'),
    send: (payload) => link.request(payload),
  })
  const link = createHubLink({
    bus: options.bus,
    network: identity.network.id,
    node: identity.nodeId,
    clock,
    entropy,
    log,
    sync,
    capability: parts.capability,
    ...(running.orders === undefined ? {} : { orders: running.orders }),
    ...(running.commands === undefined ? {} : { commands: running.commands }),
    ...(flows === undefined ? {} : { flows }),
    onFact(node, envelope) {
      if (node === identity.nodeId) running.announcer?.meet(envelope)
      else if (facts.offer(node, envelope) !== undefined) {
        gossip.fact(node, 'hub')
        loop.wake('event')
      }
    },
    onRefused: (detail) => onRefused(detail, false),
    onOverridesTold: (report) => overrides.told(report),
    isOverridesHeard: (report) => overrides.isHeard(report),
    onDoubt() {
      gossip.follow()
      gossip.fact(identity.nodeId, 'self')
    },
    onChange,
  })
  onChange()
  return link
}
