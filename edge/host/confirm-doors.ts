// What the watch over a new revision asks of this host.

import type { Address } from '../../shared/address/cidr.ts'
import { parseBrokerUrl } from '../../shared/wire/hub-url.ts'
import type { ConfirmDoors } from '../confirm/doors.ts'
import type { Identity } from '../identity.ts'
import type { RunCommand } from './command.ts'
import { askTarget, knock, parseProbeTarget } from './probe-target.ts'
import { proxyOf, type Settings } from './settings.ts'
import { readSurroundings } from './surroundings.ts'

/** Whom this host connects to for the hub: a proxy where one stands before it. */
function hubPlaces(
  identity: Identity,
  settings: Settings,
): readonly { readonly host: string; readonly port: number }[] {
  const proxy = proxyOf(settings)
  return proxy === undefined ? identity.broker.urls.map(parseBrokerUrl) : [proxy]
}

/** `answers`: whether the agent at a mesh address answers. */
export function createConfirmDoors(
  settings: Settings,
  identity: Identity,
  run: RunCommand,
  answers: (address: Address) => Promise<boolean>,
): ConfirmDoors {
  return {
    watchMs: settings.confirmS * 1_000,
    probes: settings.confirmProbes,
    ask: (probe) => askTarget(parseProbeTarget(probe), run),
    surroundings: (noted) => readSurroundings(run, settings.interface, noted),
    answers,
    async hubRefuses() {
      const places = hubPlaces(identity, settings)
      const knocks = await Promise.all(places.map(({ host, port }) => knock(host, port)))
      return knocks.includes('refused')
    },
  }
}
