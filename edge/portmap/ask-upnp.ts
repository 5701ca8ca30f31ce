// Asks a router by UPnP: finds it, reads what it says of itself, and has its service map the port.

import type { Address } from '../../shared/address/cidr.ts'
import { formatEndpoint, hostOf } from '../../shared/address/endpoint.ts'
import type { Timer } from '../../shared/effects.ts'
import type { Asking } from './exchange.ts'
import {
  type ActionAnswer,
  type Arguments,
  type Control,
  encodeAction,
  encodeSearch,
  faults,
  faultText,
  parseActionAnswer,
  parseDescription,
  parseOutsideAddress,
  parseSearchAnswer,
  searchGroup,
  searchPort,
} from './igd.ts'
import type { Check, Gateway, Lease, LeaseMemory, Outcome, Wish } from './lease.ts'

/** The question says "within a second" (MX); datagrams get lost. */
const SEARCH_WAIT_MS = 1_250
const SEARCHES = 2
/** Outside ports tried where others hold them. */
const PORTS_TRIED = 4

/** Where the router describes itself; undefined if it does not answer. */
async function search({ clock, doors, signal }: Asking, { address, local }: Gateway): Promise<URL | undefined> {
  const outcome = Promise.withResolvers<URL | undefined>()
  const stop = (): void => outcome.resolve(undefined)
  const socket = await doors.open(local, undefined, {
    onMessage(bytes, from) {
      const page = hostOf(from) === address ? parseSearchAnswer(bytes, address) : undefined
      if (page !== undefined) outcome.resolve(page)
    },
  })
  let timer: Timer | undefined
  const ask = (tries: number): void => {
    if (tries === SEARCHES) return stop()
    for (const to of [formatEndpoint(address, searchPort), searchGroup]) socket.send(encodeSearch(to), to)
    timer = clock.after(SEARCH_WAIT_MS, () => ask(tries + 1))
    return undefined
  }
  try {
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    else ask(0)
    return await outcome.promise
  } finally {
    signal.removeEventListener('abort', stop)
    timer?.cancel()
    socket.close()
  }
}

type Place = Pick<LeaseMemory, 'local'> & { readonly control: Control }

async function act(
  { doors, signal }: Asking,
  { control, local }: Place,
  action: string,
  values: Arguments,
): Promise<ActionAnswer> {
  const post = encodeAction(control.service, action, values)
  const { body, status } = await doors.page({ local, url: control.url, post }, signal)
  return parseActionAnswer(status, body)
}

function keyOf(externalPort: number): Arguments {
  return [
    ['NewRemoteHost', ''],
    ['NewExternalPort', externalPort],
    ['NewProtocol', 'UDP'],
  ]
}

/** Tries the wished port, then others above it; takes a lease without end where the router has no other. */
async function map(
  asking: Asking,
  place: Place,
  wish: Wish,
): Promise<{ externalPort: number; lifetimeS: number } | number> {
  let { externalPort, lifetimeS } = wish
  let fault = 0
  for (let tries = 0; tries < PORTS_TRIED; tries++) {
    const answer = await act(asking, place, 'AddPortMapping', [
      ...keyOf(externalPort),
      ['NewInternalPort', wish.internalPort],
      ['NewInternalClient', place.local],
      ['NewEnabled', 1],
      ['NewPortMappingDescription', 'holdfast'],
      ['NewLeaseDuration', lifetimeS],
    ])
    fault = answer.fault
    if (fault === 0) return { externalPort, lifetimeS }
    if (fault === faults.onlyPermanent && lifetimeS !== 0) lifetimeS = 0
    else if (fault === faults.conflict) externalPort = externalPort > 65_000 ? externalPort - 1_000 : externalPort + 7
    else break
  }
  return fault
}

async function outside(asking: Asking, place: Place): Promise<Address | undefined> {
  const answer = await act(asking, place, 'GetExternalIPAddress', [])
  return answer.fault === 0 ? parseOutsideAddress(answer.value('NewExternalIPAddress')) : undefined
}

function controlOf({ control }: LeaseMemory): Control | undefined {
  const url = control === undefined ? null : URL.parse(control.url)
  return control === undefined || url === null ? undefined : { url, service: control.service }
}

async function find(asking: Asking, gateway: Gateway): Promise<Control | undefined> {
  const page = await search(asking, gateway)
  if (page === undefined) return undefined
  const { body, status } = await asking.doors.page({ local: gateway.local, url: page }, asking.signal)
  return status === 200 ? parseDescription(body, page, gateway.address) : undefined
}

export async function askUpnp(asking: Asking, wish: Wish): Promise<Outcome> {
  const { address, local } = wish.gateway
  const control = await find(asking, wish.gateway)
  if (control === undefined) return { type: 'silent' }
  const place = { control, local }
  const given = await map(asking, place, wish)
  if (typeof given === 'number') return { type: 'refused', why: faultText(given) }
  const external = await outside(asking, place)
  const lease: Lease = {
    protocol: 'UPnP',
    gateway: address,
    local,
    internalPort: wish.internalPort,
    nonce: wish.nonce,
    control: { url: control.url.href, service: control.service },
    ...given,
  }
  return { type: 'granted', lease: external === undefined ? lease : { ...lease, external } }
}

export async function checkUpnp(asking: Asking, lease: LeaseMemory): Promise<Check> {
  const control = controlOf(lease)
  if (control === undefined) return { type: 'lost' }
  const place = { control, local: lease.local }
  const entry = await act(asking, place, 'GetSpecificPortMappingEntry', keyOf(lease.externalPort))
  const holder = entry.value('NewInternalClient')
  // Whatever else it means: asked for again, the mapping is there, or a better answer is.
  if (entry.fault !== 0 || holder !== lease.local) return { type: 'lost' }
  const external = await outside(asking, place)
  return external === undefined ? { type: 'alive' } : { type: 'alive', external }
}

export async function releaseUpnp(asking: Asking, lease: LeaseMemory): Promise<void> {
  const control = controlOf(lease)
  if (control === undefined) return
  await act(asking, { control, local: lease.local }, 'DeletePortMapping', keyOf(lease.externalPort))
}
