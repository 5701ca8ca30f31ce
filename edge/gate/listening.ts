// Servers at own addresses, as many as there are to be: each is asked for its routes anew, and one that can't listen tries again.

import type { Server } from 'node:net'
import type { Address } from '../../shared/address/cidr.ts'
import { formatEndpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Timer } from '../../shared/effects.ts'

interface Place<Route> {
  readonly address: Address
  readonly port: number
  readonly routes: readonly Route[]
}

export interface ServersAt<Route> {
  /** Those that are not among them are closed; connections that are open go on, and lead nowhere new. */
  follow(places: readonly Place<Route>[]): void
  close(): void
}

/** The address may come in a moment, as when another kind of server there is just being closed. */
const AGAIN_MS = 1_000
const BACKLOG = 511

interface Held<Route> {
  readonly server: Server
  routes: readonly Route[]
}

/** `say`: for people who look for a fault. */
export function createServersAt<Route>(
  make: (routes: () => readonly Route[]) => Server,
  clock: Pick<Clock, 'after'>,
  say: (text: string) => void,
): ServersAt<Route> {
  const servers = new Map<string, Held<Route>>()
  let [wanted, failed, again]: [readonly Place<Route>[], string, Timer | undefined] = [[], '', undefined]

  const listen = ({ address, port, routes }: Place<Route>, key: string): void => {
    const held: Held<Route> = { server: make(() => held.routes), routes }
    servers.set(key, held)
    held.server.on('error', (error: NodeJS.ErrnoException) => {
      const words = `${key} can't be listened at: ${error.code ?? error.message}`
      if (words !== failed) say(words)
      failed = words
      if (servers.get(key) === held) servers.delete(key)
      held.server.close()
      again?.cancel()
      again = clock.after(AGAIN_MS, () => follow(wanted))
    })
    held.server.listen({ host: address, port, backlog: BACKLOG })
  }

  const closeAll = (keys: Iterable<string>): void => {
    for (const key of keys) {
      const held = servers.get(key)
      servers.delete(key)
      if (held === undefined) continue
      held.routes = []
      held.server.close()
    }
  }

  const follow = (places: readonly Place<Route>[]): void => {
    wanted = places
    const byKey = new Map(places.map((one) => [formatEndpoint(one.address, one.port) as string, one]))
    closeAll([...servers.keys()].filter((key) => !byKey.has(key)))
    for (const [key, one] of byKey) {
      const held = servers.get(key)
      if (held === undefined) listen(one, key)
      else held.routes = one.routes
    }
  }

  return {
    follow,
    close() {
      again?.cancel()
      wanted = []
      closeAll([...servers.keys()])
    },
  }
}
