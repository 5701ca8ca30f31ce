// Asks a router by PCP, and by NAT-PMP where it says that it knows only that.

import type { Asking } from './exchange.ts'
import { exchange } from './exchange.ts'
import type { Check, Gateway, Lease, LeaseMemory, Outcome, Wish } from './lease.ts'
import {
  encodeAddressRequest,
  encodeUdpMapRequest,
  type NatPmpAnswer,
  natPmpResultText,
  parseNatPmpAnswer,
} from './nat-pmp.ts'
import {
  encodeAnnounceRequest,
  encodeMapRequest,
  opcodes,
  type PcpAnswer,
  parsePcpAnswer,
  pcpResultText,
  unsupportedVersion,
} from './pcp.ts'

type Told = PcpAnswer | 'older'

/** What a router says that knows only NAT-PMP: in its version 0, that it does not speak ours (RFC 6887 §9). */
function isOlder(bytes: Uint8Array): boolean {
  return parseNatPmpAnswer(bytes)?.result === unsupportedVersion
}

function leaseOf(protocol: Lease['protocol'], { gateway, internalPort, nonce }: Wish) {
  return { protocol, gateway: gateway.address, local: gateway.local, internalPort, nonce }
}

export async function askPcp(asking: Asking, wish: Wish): Promise<Outcome> {
  const { externalPort, gateway, internalPort, lifetimeS, nonce } = wish
  const request = encodeMapRequest({ local: gateway.local, nonce, internalPort, externalPort, lifetimeS })
  const told = await exchange(asking, gateway, request, (bytes): Told | undefined => {
    if (isOlder(bytes)) return 'older'
    const answer = parsePcpAnswer(bytes)
    if (answer?.opcode !== opcodes.map) return undefined
    // A refusal of the version may come without the mapping; everything else has to be about ours.
    if (answer.result === unsupportedVersion) return answer
    return answer.map?.nonce === nonce && answer.map.internalPort === internalPort ? answer : undefined
  })
  if (told === undefined) return { type: 'silent' }
  if (told === 'older' || told.result === unsupportedVersion) return askNatPmp(asking, wish)
  const { epochS, map, result } = told
  if (result !== 0 || map === undefined) {
    return { type: 'refused', why: pcpResultText(result), waitS: told.lifetimeS }
  }
  const { external, externalPort: given } = map
  if (given === 0) return { type: 'refused', why: 'it gave port 0' }
  const lead = leaseOf('PCP', wish)
  const granted = { ...lead, externalPort: given, lifetimeS: told.lifetimeS, epochS }
  return { type: 'granted', lease: external === undefined ? granted : { ...granted, external } }
}

function outsideAddress(asking: Asking, gateway: Gateway): Promise<NatPmpAnswer | undefined> {
  return exchange(asking, gateway, encodeAddressRequest(), (bytes) => {
    const answer = parseNatPmpAnswer(bytes)
    return answer?.about === 'address' ? answer : undefined
  })
}

export async function askNatPmp(asking: Asking, wish: Wish): Promise<Outcome> {
  const { gateway, internalPort } = wish
  const outside = await outsideAddress(asking, gateway)
  if (outside === undefined) return { type: 'silent' }
  if (outside.result !== 0) return { type: 'refused', why: natPmpResultText(outside.result) }
  const told = await exchange(asking, gateway, encodeUdpMapRequest(wish), (bytes) => {
    const answer = parseNatPmpAnswer(bytes)
    if (answer?.about !== 'mapping') return undefined
    return answer.mapping === undefined || answer.mapping.internalPort === internalPort ? answer : undefined
  })
  if (told === undefined) return { type: 'silent' }
  const { epochS, mapping, result } = told
  if (result !== 0 || mapping === undefined) return { type: 'refused', why: natPmpResultText(result) }
  const { externalPort, lifetimeS } = mapping
  if (externalPort === 0) return { type: 'refused', why: 'it gave port 0' }
  const granted = { ...leaseOf('NAT-PMP', wish), externalPort, lifetimeS, epochS }
  return {
    type: 'granted',
    lease: outside.external === undefined ? granted : { ...granted, external: outside.external },
  }
}

/** Only the epoch tells here whether the mapping may be gone. */
export async function checkPcp(asking: Asking, gateway: Gateway): Promise<Check> {
  const answer = await exchange(asking, gateway, encodeAnnounceRequest(gateway.local), (bytes) => {
    const told = parsePcpAnswer(bytes)
    return told?.opcode === opcodes.announce && told.result === 0 ? told : undefined
  })
  return answer === undefined ? { type: 'silent' } : { type: 'alive', epochS: answer.epochS }
}

export async function checkNatPmp(asking: Asking, gateway: Gateway): Promise<Check> {
  const answer = await outsideAddress(asking, gateway)
  if (answer === undefined || answer.result !== 0) return { type: 'silent' }
  const { epochS, external } = answer
  return external === undefined ? { type: 'alive', epochS } : { type: 'alive', epochS, external }
}

/** Gives the mapping back; what the router says to that changes nothing. */
export async function releasePcp(asking: Asking, lease: LeaseMemory): Promise<void> {
  const { gateway: address, internalPort, local, nonce, protocol } = lease
  const gateway = { interface: '', address, local }
  const port = { internalPort, externalPort: 0, lifetimeS: 0 }
  const request = protocol === 'PCP' ? encodeMapRequest({ local, nonce, ...port }) : encodeUdpMapRequest(port)
  await exchange(asking, gateway, request, (bytes) => parsePcpAnswer(bytes) ?? parseNatPmpAnswer(bytes))
}
