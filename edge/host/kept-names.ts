// Addresses of hub and relays as their names gave them last, kept on the disk: a device that starts where no name server
// answers, or that goes out by others alone, still knows where to knock. Who answers there proves itself by its key, so an old
// address does no harm.

import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { tryParseIp } from '../../shared/address/ip.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { keptAddressesMax, keptNamesMax } from '../../shared/name-limits.ts'
import type { Store } from '../store/store.ts'
import type { FindWayOut } from '../uplinks/way-out.ts'

export type AskName = (name: string) => Promise<readonly Address[]>

export interface KeptNamesOptions {
  /** Throws where nobody answers. */
  readonly ask: AskName
  readonly store: Pick<Store, 'get' | 'set'>
  readonly clock: Clock
  readonly log: Log
}

export interface KeptNames {
  /** As the name server says, or else as it said last; throws where it never did. */
  readonly resolve: AskName
  /** The same for connections: who dials by name is given the kept address where the name server stays silent. */
  through(find: FindWayOut): FindWayOut
}

/** Under which the store keeps them. */
const KEY = 'names'
/** A dial has ten seconds in all; the resolver of a host gives a dead name server five (resolv.conf(5)). */
const PATIENCE_MS = 2_000

function addressesIn(value: unknown): readonly Address[] {
  const texts = Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
  return texts.filter((text) => tryParseIp(text) !== undefined).map(parseAddress)
}

/** What can't be read was never there. */
function parseKept(text: string | undefined): Map<string, readonly Address[]> {
  try {
    const entries = Object.entries(JSON.parse(text ?? '{}') as object)
    return new Map(entries.slice(-keptNamesMax).map(([name, value]) => [name, addressesIn(value)]))
  } catch {
    return new Map()
  }
}

export function createKeptNames({ ask, clock, log, store }: KeptNamesOptions): KeptNames {
  let read: Map<string, readonly Address[]> | undefined
  const kept = (): Map<string, readonly Address[]> => {
    read ??= parseKept(store.get(KEY))
    return read
  }

  const keep = (name: string, found: readonly Address[]): void => {
    const all = kept()
    const next = found.slice(0, keptAddressesMax)
    // Name servers shuffle them, and each write wears the disk.
    const held = new Set(all.get(name))
    if (next.length === 0 || (held.size === next.length && next.every((address) => held.has(address)))) return
    all.delete(name)
    all.set(name, next)
    const [oldest] = all.keys()
    if (all.size > keptNamesMax && oldest !== undefined) all.delete(oldest)
    try {
      store.set(KEY, JSON.stringify(Object.fromEntries(all)))
    } catch (error) {
      log.debug('an address was not kept', { name, reason: describeError(error) })
    }
  }

  const askAndKeep: AskName = async (name) => {
    const found = await ask(name)
    keep(name, found)
    return found
  }

  /** True once the name server has said where that is. */
  const isTold = async (name: string): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = clock.after(PATIENCE_MS, () => resolve(false))
    askAndKeep(name).then(
      (found) => resolve(found.length > 0),
      () => resolve(false),
    )
    try {
      return await promise
    } finally {
      timer.cancel()
    }
  }

  return {
    async resolve(name) {
      try {
        return await askAndKeep(name)
      } catch (error) {
        const last = kept().get(name) ?? []
        if (last.length === 0) throw error
        return last
      }
    },
    through: (find) => async (host, port) => {
      const by = await find(host, port)
      if (by !== undefined || tryParseIp(host) !== undefined || (await isTold(host))) return by
      const [address] = kept().get(host) ?? []
      if (address === undefined) return undefined
      log.debug('no name server answers; the address of before is gone to', { host, address })
      return { address }
    },
  }
}
