// For whom the gate asks: a line of its child for each connection that it opens to a service, and what the agent keeps of them.
// The kernel sees two connections there and nothing that joins them.

import type { Socket } from 'node:net'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { gateLineBytesMax, gateToldMax } from '../../shared/service-limits.ts'
import { sourceOf } from './admission.ts'

interface Place {
  readonly address: Address
  readonly port: number
}

/** A connection of this node's own, in which somebody outside speaks. */
export interface GateLed {
  /** Of this node. */
  readonly port: number
  readonly to: Place
  readonly outside: Place
}

/** `inside` has just been connected. */
export type OnLed = (inside: Socket, outside: Socket) => void

/** Its own port, the service's address and port, and who asked; undefined where one of them is gone already. */
export function ledLine(inside: Socket, outside: Socket): string | undefined {
  const { localPort, remoteAddress, remotePort } = inside
  if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return undefined
  if (outside.remoteAddress === undefined || outside.remotePort === undefined) return undefined
  return `${localPort} ${sourceOf(inside)} ${remotePort} ${sourceOf(outside)} ${outside.remotePort}\n`
}

function portOf(text: string | undefined): number | undefined {
  return /^\d{1,5}$/.test(text ?? '') && Number(text) <= 65_535 ? Number(text) : undefined
}

function addressOf(text: string): Address | undefined {
  try {
    return parseAddress(text)
  } catch (error) {
    if (isHoldfastError(error)) return undefined
    throw error
  }
}

function ledOf(line: string): GateLed | undefined {
  const [own, toAddress = '', toPort, address = '', outsidePort, more] = line.split(' ')
  const [port, service, asker] = [portOf(own), portOf(toPort), portOf(outsidePort)]
  const [to, from] = [addressOf(toAddress), addressOf(address)]
  if (port === undefined || service === undefined || asker === undefined || more !== undefined) return undefined
  if (to === undefined || from === undefined) return undefined
  return { port, to: { address: to, port: service }, outside: { address: from, port: asker } }
}

export interface GateBook {
  /** What the child says, in any pieces. */
  hear(text: string): void
  /** The last of them, also those that are over: their flows may not be on record yet. */
  all(): readonly GateLed[]
}

export function createGateBook(): GateBook {
  const held = new Map<string, GateLed>()
  let rest = ''
  return {
    hear(text) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > gateLineBytesMax) rest = ''
      for (const line of lines) {
        const led = ledOf(line)
        if (led === undefined) continue
        const key = `${led.port} ${led.to.address} ${led.to.port}`
        held.delete(key)
        held.set(key, led)
        const [eldest] = held.keys()
        if (held.size > gateToldMax && eldest !== undefined) held.delete(eldest)
      }
    },
    all: () => [...held.values()],
  }
}
