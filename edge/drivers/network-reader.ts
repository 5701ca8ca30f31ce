// Links, addresses and own routes as the kernel has them: of the host, and of the network namespace that the mesh side is in.

import type { Log } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { Attached } from '../host/networks.ts'
import type { Observed } from '../plan/observed.ts'
import { type HostLinks, parseLinks } from './addresses.ts'
import { createAttaching } from './attach.ts'
import type { Run } from './command.ts'
import type { Namespace } from './namespace.ts'
import { parseRoutes, routesCommand } from './routes.ts'

export type HeldNetwork = Pick<Observed, 'inside' | 'routes'> & {
  readonly links: HostLinks
  /** As they were printed. */
  readonly addresses: string
}

export interface NetworkReaderOptions {
  readonly interface: string
  readonly attach: readonly Attached[]
  readonly outside: Run
  readonly inside: Namespace
  readonly log: Log
}

/** One is led in, then it gets its addresses. */
const ATTACH_TRIES = 2

/** `hasDevice`: the interface is there, as far as is known. */
export function createNetworkReader(options: NetworkReaderOptions): (hasDevice: boolean) => Promise<HeldNetwork> {
  const { inside, interface: name, log, outside } = options
  const { run } = inside
  const readNetwork = async (hasDevice: boolean): Promise<HeldNetwork> => {
    const questions = ['address show', ...(hasDevice ? [routesCommand(name)] : [])]
    try {
      // One program for all: on a small machine its start costs more than its work, every few seconds.
      const answer = await run('ip', ['-d', '-j', '-batch', '-'], { input: `${questions.join('\n')}\n` })
      const [links = '', routes = ''] = answer.split('\n')
      return { links: parseLinks(links, name), routes: parseRoutes(routes), addresses: links }
    } catch (error) {
      // The device went meanwhile, and its routes with it.
      if (!hasDevice || !isHoldfastError(error, 'failed')) throw error
      return await readNetwork(false)
    }
  }

  const attaching =
    inside.name === undefined
      ? undefined
      : createAttaching({ wanted: options.attach, to: inside.name, outside, inside: run, log })
  return async (hasDevice) => {
    if (attaching === undefined) return await readNetwork(hasDevice)
    const addresses = ['-d', '-j', 'address', 'show']
    for (let tries = ATTACH_TRIES; ; tries--) {
      const [found, there] = await Promise.all([readNetwork(hasDevice), outside('ip', addresses)])
      const { local, own } = found.links
      if ((await attaching.follow(there, found.addresses)) && tries > 0) continue
      return { ...found, links: { own, local: parseLinks(there, name).local }, inside: local }
    }
  }
}
