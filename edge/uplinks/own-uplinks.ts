// The uplinks of uplinks.ts with the ports, hub and names of an agent.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import { parseBrokerUrl, parseHubUrl } from '../../shared/wire/hub-url.ts'
import type { AgentOptions } from '../agent.ts'
import { createNames } from '../paths/names.ts'
import { createUplinks, type Uplinks, type UplinksOptions } from './uplinks.ts'

export interface OwnUplinks extends Uplinks {
  /** Prefix by which IPv4 is reached where it needs a translator. */
  translator(): Cidr | undefined
}

export function createOwnUplinks(
  { entropy, identity, log, paths, resolve, settings, uplinks: doors }: AgentOptions,
  clock: Clock,
  engine: Pick<UplinksOptions, 'places' | 'onSwitch'>,
): OwnUplinks {
  const nat64 = paths?.nat64
  const uplinks = createUplinks({
    ...engine,
    doors,
    clock,
    entropy,
    log,
    metered: paths?.metered === true,
    ports: [settings.listenPort, ...(settings.controlPort === undefined ? [] : [settings.controlPort])],
    hub: [parseHubUrl(identity.hubUrl), ...identity.broker.urls.map(parseBrokerUrl)],
    names: createNames(resolve, clock, log),
    through: (endpoint) => nat64?.out(endpoint) ?? endpoint,
  })
  nat64?.listen(engine.onSwitch)
  doors?.wayOut.serve((host, port) => uplinks.wayOut(host, port))
  return { ...uplinks, translator: () => nat64?.prefix() }
}
