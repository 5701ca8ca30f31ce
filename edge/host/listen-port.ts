// Which UDP port WireGuard gets. The configured one where it is free; where another program has it, a free one, kept for
// good: firewalls, NATs and peers learn it, so it may not change with every boot, and a neighbour that starts after us
// keeps its own port. Peers learn the port from the node's fact.

import { createSocket } from 'node:dgram'
import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Store } from '../store/store.ts'

export interface ListenPortOptions {
  readonly configured: number
  readonly store: Pick<Store, 'get' | 'set'>
  readonly driver: Pick<Driver, 'read'>
  /** True if nobody has the UDP port, in either family. */
  readonly isFree: (port: number) => Promise<boolean>
  /** Ports that other sockets of this agent want. */
  readonly avoid: readonly number[]
  readonly log: Log
}

export interface ListenPort {
  readonly port: number
  /** Set where it is not the configured one, or can't be had: why, in a sentence. */
  readonly detail?: string
}

/** In the store: the port that was configured, and the one that took its place. */
const KEY = 'listen-port'
/** The engine's own port is the one above; and a neighbour that lacks its port will look near by, too. */
const STEP = 10
const TRIES = 100

function keptFor(configured: number, store: ListenPortOptions['store']): number | undefined {
  const [of, port] = (store.get(KEY) ?? '').split(' ').map(Number)
  return of === configured && Number.isInteger(port) ? port : undefined
}

/** The interface of the last run holds the port as long as it is up. */
async function isOurs(port: number, driver: ListenPortOptions['driver']): Promise<boolean> {
  const { device, link } = await driver.read()
  return link?.up === true && device?.listenPort === port
}

async function findFree({ avoid, configured, isFree }: ListenPortOptions): Promise<number | undefined> {
  for (let port = configured + STEP; port < Math.min(configured + STEP * TRIES, 65_535); port += STEP) {
    if (avoid.includes(port) || avoid.includes(port + 1)) continue
    if ((await isFree(port)) && (await isFree(port + 1))) return port
  }
  return undefined
}

async function choose(options: ListenPortOptions): Promise<ListenPort> {
  const { configured, driver, isFree, log, store } = options
  const kept = keptFor(configured, store)
  const detail = `UDP port ${configured} was taken by another program; listening on`
  const wanted = kept ?? configured
  if ((await isFree(wanted)) || (await isOurs(wanted, driver))) {
    return kept === undefined ? { port: wanted } : { port: wanted, detail: `${detail} ${wanted}` }
  }
  const port = await findFree(options)
  if (port === undefined) return { port: wanted, detail: `UDP port ${wanted} is taken, and so are those above it` }
  log.warn('the UDP port for WireGuard is taken by another program', { wanted, instead: port })
  try {
    store.set(KEY, `${configured} ${port}`)
  } catch (error) {
    log.warn('the port cannot be kept; the next start may choose another', { why: describeError(error) })
  }
  return { port, detail: `${detail} ${port}` }
}

/** Never keeps the agent from starting: what can't be found out counts as free, and the kernel has the last word. */
export async function chooseListenPort(options: ListenPortOptions): Promise<ListenPort> {
  try {
    return await choose(options)
  } catch (error) {
    options.log.warn('the UDP port could not be checked', { why: describeError(error) })
    return { port: options.configured }
  }
}

function binds(type: 'udp4' | 'udp6', port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' })
    // Only a port in use is one; a host without IPv6 has nothing taken there.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close()
      resolve(error.code !== 'EADDRINUSE')
    })
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(true)))
  })
}

export async function isUdpPortFree(port: number): Promise<boolean> {
  return (await binds('udp4', port)) && (await binds('udp6', port))
}
