// The nft table with a short cut in front of it. The table is the truth and knows every case; the short cut takes over the
// packets that need none of them, and is let go wherever it does not work.

import type { Clock, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Forward, Forwarder } from '../relay/forwarder.ts'
import type { RulesetOptions } from '../relay/ruleset.ts'
import { addCarried, type ShortcutCount } from '../relay/shortcut.ts'
import { findBpfProgram } from './bpf-program.ts'
import type { Run } from './command.ts'
import { createNftForwarder, removeRelayTable } from './relay-forwarder.ts'
import { createShortcut, removeShortcut, type Shortcut } from './relay-shortcut.ts'

export interface FastForwarderOptions extends RulesetOptions {
  readonly run: Run
  readonly clock: Clock
  readonly log: Log
  /** Where `holdfast-bpf` is; undefined where this build has none. */
  readonly program?: string | undefined
}

const NONE: ReadonlyMap<string, ShortcutCount> = new Map()

export function createFastForwarder(options: FastForwarderOptions): Forwarder {
  const { log, program = findBpfProgram(), run } = options
  const table = createNftForwarder(options)
  const wanted = new Map<number, Forward>()
  let shortcut: Shortcut | undefined
  let turn: Promise<unknown> = Promise.resolve()
  let waiting: Promise<void> | undefined

  /** Throws where it can't even be taken away: it would go on forwarding what must not be. */
  const letGo = async (error: unknown): Promise<void> => {
    shortcut = undefined
    await removeShortcut(run)
    log.warn('relayed packets take no short cut; nft carries them', { reason: describeError(error) })
  }

  const follow = async (): Promise<void> => {
    waiting = undefined
    await shortcut?.change(wanted.values()).catch(letGo)
  }

  /** Changes that come while one is on its way go together in the next. */
  const change = (): Promise<void> => {
    if (waiting === undefined) {
      waiting = turn.then(follow)
      turn = waiting.catch(() => undefined)
    }
    return waiting
  }

  const counts = async (): Promise<ReadonlyMap<string, ShortcutCount>> =>
    (await shortcut?.counts().catch((error: unknown) => {
      log.debug('the short cut was not counted', { reason: describeError(error) })
      return NONE
    })) ?? NONE

  return {
    families: table.families,
    async start() {
      const held = await table.start()
      for (const forward of held) wanted.set(forward.port, forward)
      if (program === undefined) {
        // Of a build that had one.
        await removeShortcut(run)
        log.info('relayed packets go by nft', { reason: 'this build has no holdfast-bpf' })
        return held
      }
      shortcut = createShortcut({ ...options, program })
      await shortcut.start(held).catch(letGo)
      return held
    },
    async set(forward) {
      wanted.set(forward.port, forward)
      try {
        await table.set(forward)
      } catch (error) {
        wanted.delete(forward.port)
        await change()
        throw error
      }
      await change()
    },
    async remove(port) {
      wanted.delete(port)
      await Promise.all([change(), table.remove(port)])
    },
    async carried() {
      return addCarried(await table.carried(), await counts(), wanted.values())
    },
    async dropped() {
      const over = [...(await counts()).values()].reduce((sum, { dropped }) => sum + dropped, 0)
      return over + (await table.dropped())
    },
    async cleanup() {
      shortcut = undefined
      wanted.clear()
      await turn
      await removeRelay(run)
    },
  }
}

/** Takes the relay out of the kernel, whoever put it there. */
export async function removeRelay(run: Run): Promise<void> {
  await removeShortcut(run)
  await removeRelayTable(run)
}
