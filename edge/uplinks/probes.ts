// Questions that go out by one uplink each, from a socket at its address: STUN to relays, and where a network has none, a
// connection to the hub, which needs no more than its first two packets.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { StunPlace } from '../paths/outlook.ts'
import { createStunClient, type StunClient } from '../paths/stun.ts'
import type { ProbeSocket, UplinkDoors } from './doors.ts'
import type { Contact } from './steering.ts'
import type { Uplink } from './uplink.ts'

/** Relays asked at once: one that is away must not make an uplink look dead. */
const RELAYS_MAX = 3
/** As a round of the choice is patient. */
const KNOCK_MS = 1_500

export interface ProbesOptions {
  readonly doors: Pick<UplinkDoors, 'openProbe' | 'knock'>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  /** Where relays answer STUN, and the hub takes connections; beyond the uplinks, all of them. */
  readonly places: () => readonly StunPlace[]
  readonly contacts: () => readonly Contact[]
  readonly onAnswer: (uplink: Uplink) => void
}

export interface Probes {
  /** Opens and closes sockets, so that there is one for each. */
  setUplinks(uplinks: readonly Uplink[]): Promise<void>
  /** Source port of the uplink's questions; undefined where it has no socket. */
  portOf(uplink: Uplink): number | undefined
  ask(uplink: Uplink): void
  close(): void
}

interface Opened {
  readonly uplink: Uplink
  readonly socket: ProbeSocket
  readonly stun: StunClient
}

function keyOf({ address, interface: name }: Uplink): string {
  return `${name} ${address}`
}

/** One place of each relay. */
function placesFor(places: readonly StunPlace[], from: Address): readonly Endpoint[] {
  const found = new Map<string, Endpoint>()
  for (const { endpoint, relay } of places) {
    const fits = familyOf(hostOf(endpoint) as Address) === familyOf(from)
    if (fits && !found.has(relay) && found.size < RELAYS_MAX) found.set(relay, endpoint)
  }
  return [...found.values()]
}

export function createProbes(options: ProbesOptions): Probes {
  const { clock, contacts, doors, entropy, log, onAnswer, places } = options
  const open = new Map<string, Opened>()
  let closed = false

  const openOne = async (uplink: Uplink): Promise<void> => {
    const stun = createStunClient(clock, entropy)
    try {
      const socket = await doors.openProbe(uplink.address, (bytes, from) => {
        if (stun.receive(bytes, from) !== undefined) onAnswer(uplink)
      })
      if (closed || open.has(keyOf(uplink))) socket.close()
      else open.set(keyOf(uplink), { uplink, socket, stun })
    } catch (error) {
      // The address may have gone just now.
      log.debug('an uplink can’t be asked', { uplink: uplink.interface, why: describeError(error) })
    }
  }

  return {
    async setUplinks(uplinks) {
      const wanted = new Set(uplinks.map(keyOf))
      for (const [key, { socket }] of open) {
        if (wanted.has(key)) continue
        open.delete(key)
        socket.close()
      }
      await Promise.all(uplinks.filter((one) => !open.has(keyOf(one))).map(openOne))
    },
    portOf: (uplink) => open.get(keyOf(uplink))?.socket.port,
    ask(uplink) {
      const opened = open.get(keyOf(uplink))
      if (opened === undefined) return
      const targets = placesFor(places(), uplink.address)
      for (const to of targets) opened.socket.send(opened.stun.ask(to), to)
      const hub = contacts().find(({ address }) => familyOf(address) === familyOf(uplink.address))
      if (targets.length > 0 || hub === undefined) return
      void doors.knock(uplink.address, formatEndpoint(hub.address, hub.port), KNOCK_MS).then(
        (answered) => (answered && !closed ? onAnswer(uplink) : undefined),
        () => undefined,
      )
    },
    close() {
      closed = true
      for (const { socket } of open.values()) socket.close()
      open.clear()
    },
  }
}
