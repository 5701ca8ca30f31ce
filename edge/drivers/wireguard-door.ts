// The path engine's quick way to WireGuard: one peer's endpoint in a few milliseconds, and a glance at the counters that
// starts no program.

import type { Clock } from '../../shared/effects.ts'
import type { WireguardDoor } from '../paths/doors.ts'
import type { Run } from './command.ts'
import { type Flavour, flavourOf } from './link.ts'
import { hostNamespace, type Namespace } from './namespace.ts'
import { createTurnCover } from './turn-cover.ts'
import { createWgSocket } from './wg-socket.ts'
import { createWgTool } from './wg-tool.ts'
import type { WireguardDevice } from './wireguard.ts'

export interface WireguardDoorOptions {
  readonly interface: string
  readonly privateKeyPath: string
  readonly listenPort: number
  readonly clock: Clock
  readonly run: Run
  /** Where the interface is; with the host's own things where absent. */
  readonly inside?: Namespace | undefined
}

/** One line of /proc/net/dev (proc_net(5)): eight figures received, eight sent; bytes come first. */
export function parseCounters(text: string, name: string): ReturnType<WireguardDoor['passed']> {
  const line = text.split('\n').find((one) => one.trimStart().startsWith(`${name}:`))
  const figures = line
    ?.slice(line.indexOf(':') + 1)
    .trim()
    .split(/\s+/)
  if (figures === undefined || figures.length < 9) return undefined
  return { rxBytes: Number(figures[0]), txBytes: Number(figures[8]) }
}

export function createWireguardDoor(options: WireguardDoorOptions): WireguardDoor {
  const { clock, interface: name, listenPort, privateKeyPath, inside = hostNamespace(options.run) } = options
  const { run } = inside
  const cover = createTurnCover(listenPort, clock, options.run, inside.name)
  let current: WireguardDevice | undefined

  const make = (flavour: Flavour | undefined): WireguardDevice =>
    flavour === 'wireguard-go' ? createWgSocket(name, privateKeyPath) : createWgTool(name, privateKeyPath, run)
  const device = async (): Promise<WireguardDevice> => {
    if (current !== undefined) return current
    const flavour = await flavourOf(name, run)
    const made = make(flavour)
    // Where there is no interface yet, it is looked for again.
    if (flavour !== undefined) current = made
    return made
  }
  /** The interface may be made anew by another: then it is looked for again. */
  const attempt = async <T>(work: (device: WireguardDevice) => Promise<T>): Promise<T> => {
    try {
      return await work(await device())
    } catch (error) {
      current = undefined
      throw error
    }
  }

  return {
    cover,
    passed: () => parseCounters(inside.procNet('dev'), name),
    peers: () => attempt(async (one) => (await one.read())?.peers ?? []),
    // A peer that left at this very moment comes back as a stump without addresses; the next turn takes it away.
    point: (endpoints) =>
      attempt((one) =>
        one.setPeers([...endpoints].map(([wgKey, endpoint]) => ({ op: 'peer-set', wgKey, endpoint }) as const)),
      ),
    renew: (peer) =>
      attempt(async (one) => {
        const found = (await one.read())?.peers.find(({ wgKey }) => wgKey === peer)
        if (found === undefined) return
        const { allowedIps, endpoint, keepaliveS } = found
        await one.setPeers([
          { op: 'peer-remove', wgKey: peer },
          { op: 'peer-set', wgKey: peer, allowedIps, keepaliveS, ...(endpoint === undefined ? {} : { endpoint }) },
        ])
      }),
  }
}
