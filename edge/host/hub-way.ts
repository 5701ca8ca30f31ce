// How a command of its own gets to the hub, where no agent runs yet or any more: by the translator of a network of IPv6 alone,
// as an agent does. Which uplink is for the host to say.

import { networkInterfaces } from 'node:os'
import { type Cidr, maskCidr } from '../../shared/address/cidr.ts'
import { wayOutThrough } from '../nat64/doors.ts'
import { createNat64, type Nat64Options } from '../nat64/nat64.ts'
import { prefixOf } from '../nat64/setting.ts'
import type { FindWayOut } from '../uplinks/way-out.ts'

export interface HubWayOptions extends Omit<Nat64Options, 'prefix'> {
  /** As it is set for this device. */
  readonly nat64: string
  /** Blocks that this host stands in. */
  readonly blocks: () => readonly Cidr[]
}

export function ownBlocks(): readonly Cidr[] {
  const all = Object.values(networkInterfaces()).flatMap((found = []) => found)
  return all.flatMap(({ cidr }) => (cidr === null ? [] : [maskCidr(cidr)]))
}

/** Undefined where people want no translator. */
export function createHubWay({ blocks, nat64: setting, ...options }: HubWayOptions): FindWayOut | undefined {
  if (setting === 'off') return undefined
  const nat64 = createNat64({ ...options, prefix: prefixOf(setting) })
  return wayOutThrough(nat64, async () => {
    nat64.follow(blocks().map((cidr) => ({ cidr })))
    // A connection waits for the answer: there is no agent that would come back to it.
    await nat64.settled()
    return undefined
  })
}
