// The kernel as forwarder: what is wanted and what stands are kept by port, and the difference goes in one batch.

import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { Carried, Forward, Forwarder } from '../relay/forwarder.ts'
import { readCarried, readDropped, readForwards, readHasTable } from '../relay/listing.ts'
import {
  clearTable,
  elementsOf,
  knownOf,
  type RulesetOptions,
  relayTable,
  renderChange,
  renderTable,
} from '../relay/ruleset.ts'
import type { Run } from './command.ts'
import { hasIpv6, switchForwardingOn } from './forwarding.ts'

export interface NftForwarderOptions extends RulesetOptions {
  readonly run: Run
}

export function createNftForwarder(options: NftForwarderOptions): Forwarder {
  const { range, run } = options
  const families = hasIpv6() ? ([4, 6] as const) : ([4] as const)
  const wanted = new Map<number, Forward>()
  const standing = new Map<number, Forward>()
  const dirty = new Set<number>()
  let turn: Promise<unknown> = Promise.resolve()

  const nft = async (text: string): Promise<void> => void (await run('nft', ['-f', '-'], { input: text }))
  const list = (): Promise<string> => run('nft', ['-j', 'list', 'table', 'inet', relayTable])
  const elements = (forward: Forward | undefined) => (forward === undefined ? [] : elementsOf(forward, range))

  /** From nothing, in one transaction: somebody took the table away, or it is of another make. */
  const rebuild = async (): Promise<void> => {
    const next = new Map(wanted)
    const all = [...[...next.values()].flatMap(elements), ...knownOf(next.values())]
    await nft([clearTable, renderTable(options), renderChange([], all)].join(''))
    standing.clear()
    for (const [port, forward] of next) standing.set(port, forward)
  }

  const apply = async (ports: readonly number[]): Promise<void> => {
    const before = [...ports.flatMap((port) => elements(standing.get(port))), ...knownOf(standing.values())]
    const after = [...ports.flatMap((port) => elements(wanted.get(port))), ...knownOf(wanted.values())]
    const change = renderChange(before, after)
    const next = ports.map((port) => [port, wanted.get(port)] as const)
    if (change === '') return
    try {
      await nft(change)
    } catch (error) {
      if (!isHoldfastError(error, 'failed')) throw error
      return rebuild()
    }
    for (const [port, forward] of next) {
      if (forward === undefined) standing.delete(port)
      else standing.set(port, forward)
    }
  }

  /** Everything that waits, in one batch. */
  const flush = async (): Promise<void> => {
    const ports = [...dirty]
    dirty.clear()
    try {
      await apply(ports)
    } catch (error) {
      for (const port of ports) dirty.add(port)
      throw error
    }
  }

  /** Changes that come while a batch is on its way go together in the next. */
  const change = (port: number): Promise<void> => {
    dirty.add(port)
    const mine = turn.then(flush)
    turn = mine.catch(() => undefined)
    return mine
  }

  return {
    families,
    async start() {
      for (const family of families) switchForwardingOn(family)
      const held = await list().catch((error: unknown) => {
        if (isHoldfastError(error, 'failed') && error.message.includes('No such file')) return undefined
        throw error
      })
      if (held !== undefined && !readHasTable(held, range)) {
        throw new HoldfastError('conflict', `the nft table ${relayTable} serves other session ports`, {
          remedy: 'Run `holdfast relay --cleanup`, or give the ports it was started with.',
        })
      }
      for (const forward of held === undefined ? [] : readForwards(held, range)) {
        wanted.set(forward.port, forward)
        standing.set(forward.port, forward)
      }
      try {
        await nft(renderTable(options))
      } catch (error) {
        if (held === undefined || !isHoldfastError(error, 'failed')) throw error
        await rebuild()
      }
      return [...wanted.values()]
    },
    set(forward) {
      wanted.set(forward.port, forward)
      return change(forward.port)
    },
    remove(port) {
      wanted.delete(port)
      return change(port)
    },
    async carried(): Promise<ReadonlyMap<number, Carried>> {
      return readCarried(await list(), range)
    },
    async dropped() {
      return readDropped(await list())
    },
    async cleanup() {
      wanted.clear()
      standing.clear()
      await removeRelayTable(run)
    },
  }
}

/** Takes the relay out of the kernel, whoever put it there. */
export async function removeRelayTable(run: Run): Promise<void> {
  await run('nft', ['-f', '-'], { input: clearTable })
}
