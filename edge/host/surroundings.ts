// What is on this host's links, as its kernel knows it: the next hops of the default routes, and neighbours that answer.

import { createSocket } from 'node:dgram'
import * as v from 'valibot'
import type { Surroundings } from '../confirm/doors.ts'
import type { RunCommand } from './command.ts'

const routesSchema = v.array(v.looseObject({ gateway: v.optional(v.string()), dev: v.optional(v.string()) }))
const neighboursSchema = v.array(
  v.looseObject({ dst: v.string(), dev: v.optional(v.string()), state: v.optional(v.array(v.string()), []) }),
)

/** States of a neighbour (neighbour(7) of iproute2) in which the kernel would send to it without asking first. */
const VALID = new Set(['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'PERMANENT', 'NOARP'])
/** `discard`, RFC 863: any packet makes the kernel ask for the neighbour, whatever becomes of it. */
const DISCARD = 9

function list<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> {
  return v.parse(schema, JSON.parse(text.trim() === '' ? '[]' : text))
}

/** The kernel looks after a neighbour only when something is sent to it. */
async function stir(noted: readonly string[]): Promise<void> {
  const sockets = { 4: createSocket('udp4'), 6: createSocket('udp6') }
  try {
    await Promise.all(
      noted.map((one) => {
        const [dev = '', address = ''] = one.split(' ')
        const { promise, resolve } = Promise.withResolvers<void>()
        const to = address.startsWith('fe80:') ? `${address}%${dev}` : address
        sockets[address.includes(':') ? 6 : 4].send(new Uint8Array(1), DISCARD, to, () => resolve())
        return promise
      }),
    )
  } finally {
    for (const socket of Object.values(sockets)) socket.close()
  }
}

/** `ownInterface`: the mesh is not what surrounds the host. `noted`: neighbours that are to be looked after first. */
export async function readSurroundings(
  run: RunCommand,
  ownInterface: string,
  noted: readonly string[],
): Promise<Surroundings> {
  if (noted.length > 0) await stir(noted)
  const [four, six, neighbours] = await Promise.all([
    run(['ip', '-4', '-j', 'route', 'show', 'default']),
    run(['ip', '-6', '-j', 'route', 'show', 'default']).catch(() => ''),
    run(['ip', '-j', 'neighbour', 'show']),
  ])
  const known = new Map<string, readonly string[]>()
  for (const { dev, dst, state } of list(neighboursSchema, neighbours)) {
    if (dev !== undefined && dev !== ownInterface) known.set(`${dev} ${dst}`, state)
  }
  const nextHops = new Set<string>()
  for (const { dev, gateway } of [...list(routesSchema, four), ...list(routesSchema, six)]) {
    if (dev !== undefined && gateway !== undefined && dev !== ownInterface) nextHops.add(`${dev} ${gateway}`)
  }
  const isThere = (one: string, states: ReadonlySet<string>): boolean =>
    known.get(one)?.some((state) => states.has(state)) === true
  // One that was silent for a while may be long gone: it is no sign of anything unless it was looked after just now.
  const answering = new Set(noted.length > 0 ? VALID : ['REACHABLE'])
  return {
    gateways: [...nextHops].filter((one) => isThere(one, VALID)),
    neighbours: [...known.keys()].filter((one) => !nextHops.has(one) && isThere(one, answering)),
  }
}
