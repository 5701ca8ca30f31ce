// The turns of this agent, put together.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import { parseBrokerUrl, parseHubUrl } from '../../shared/wire/hub-url.ts'
import type { AgentOptions } from '../agent.ts'
import type { Parts } from '../agent-parts.ts'
import { createOwnExit } from '../exit/own-exit.ts'
import type { OwnFlows } from '../flows/own-flows.ts'
import type { Lan } from '../lan/lan.ts'
import type { OwnOverrides } from '../override/own-overrides.ts'
import { createNames, type Names } from '../paths/names.ts'
import { blockInMesh } from '../plan/enforcement.ts'
import { createOwnRouters, type RouterStatus } from '../routers/own-routers.ts'
import { createProofs } from '../routers/proofs.ts'
import { createTurns, type Turns } from './turn.ts'
import { createWishes } from './wish.ts'

export interface OwnTurns extends Turns {
  /** By whom subnets are reached that several nodes lead to. */
  routers(): readonly RouterStatus[]
  /** Blocks that others reach through this device, as the mesh calls them. */
  leads(): readonly Cidr[]
  /** This device leads echoes on, as the kernel was told last. */
  proves(): boolean
  close(): void
}

interface Woken {
  /** The kernel is worth another look. */
  readonly onChanged: () => void
  /** A router forwards no more, or does again. */
  readonly onRoute: () => void
}

/** Endpoints as packets for them leave this host. */
function namesOutside({ log, paths, resolve }: AgentOptions, clock: Clock): Pick<Names, 'resolve'> {
  const names = createNames(resolve, clock, log)
  return {
    resolve(endpoint) {
      const at = names.resolve(endpoint)
      return at === undefined ? undefined : (paths?.nat64?.out(at) ?? at)
    },
  }
}

export function createOwnTurns(
  options: AgentOptions,
  parts: Parts,
  lan: Lan | undefined,
  overrides: OwnOverrides,
  { driver }: Pick<OwnFlows, 'driver'>,
  { onChanged, onRoute }: Woken,
): OwnTurns {
  const { identity, log, settings } = options
  const { clock, facts, health, holding, keyBook, ownKey, paths, peers, pods, services, sizes } = parts
  const keys = { wgKey: () => ownKey.wgKey(), formerKeys: peers.formerKeys }
  const metered = options.paths?.metered === true
  const { wordBytes } = parts
  const proofs = createProofs({ clock, facts, open: options.echoes, paths, peers, wordBytes, onChange: onRoute })
  const routers = createOwnRouters({ self: identity.nodeId, clock, facts, health, metered, paths, peers, proofs })
  const { controlPort, listenPort } = settings
  const exit = createOwnExit({
    self: identity.nodeId,
    clock,
    health,
    log,
    routers,
    ports: [listenPort, ...(controlPort === undefined ? [] : [controlPort])],
    hub: [parseHubUrl(identity.hubUrl), ...identity.broker.urls.map(parseBrokerUrl)],
    names: namesOutside(options, clock),
    nudge: options.paths?.nudge,
    wake: onChanged,
  })
  const { book } = overrides
  const wishes = createWishes(identity.nodeId, keys, settings, paths, sizes, book, pods, services, routers, exit)
  const keysRevision = (): number => keyBook.revision()
  const nudge = options.paths?.nudge
  const doors = {
    driver,
    holding,
    peers,
    facts,
    endpoints: paths,
    lan,
    services,
    wishes,
    health,
    log,
    keysRevision,
    nudge,
  }
  return {
    ...createTurns({ ...doors, onChanged }),
    routers: () => routers.status(),
    leads: () => wishes.forwards().map(blockInMesh),
    proves: () => wishes.forwards().some(({ probe }) => probe !== undefined),
    close() {
      routers.close()
      exit.close()
    },
  }
}
