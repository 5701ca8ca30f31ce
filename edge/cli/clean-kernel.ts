// Ends the agent and takes what is its own out of the kernel and off the router: for `leave`, and for `down`.

import { textFlag } from '../../shared/cli/parse.ts'
import { describeError } from '../../shared/errors.ts'
import { keptInterfaceName } from '../host/interface-name.ts'
import { lockState, type StateLock } from '../host/lock.ts'
import type { Settings } from '../host/settings.ts'
import { createLocalClient, isAgentDown, type LocalClient } from '../local/client.ts'
import { type LeaseMemory, parseLeaseMemory } from '../portmap/lease.ts'
import { leaseKey } from '../portmap/own-portmap.ts'
import { openStore } from '../store/sqlite.ts'
import type { Cli } from './context.ts'

const STOP_TRIES = 50
const STOP_EVERY_MS = 200
/** A router that is there answers within milliseconds. */
const RELEASE_MS = 3_000

function pause(cli: Cli, ms: number): Promise<void> {
  return new Promise((resolve) => void cli.clock.after(ms, resolve))
}

/** Word goes from peer to peer and each of them changes its routes: what is a moment for all of them, and a while for people. */
export const goWaitMs = 2_000

/** Whoever sends something through this device goes another way before that one is gone. */
async function letGo(cli: Cli, agent: LocalClient): Promise<void> {
  try {
    const { leads = [], peers } = await agent.status(false)
    if (leads.length === 0 || peers.length === 0) return
    await agent.go()
    await pause(cli, goWaitMs)
  } catch (error) {
    if (!isAgentDown(error)) cli.log.debug('the others are not told', { why: describeError(error) })
  }
}

/** Ends the agent, if one runs, and takes its lock, so that none starts in between. */
export async function takeOver(cli: Cli): Promise<StateLock> {
  const agent = createLocalClient(cli.files.socket)
  try {
    await letGo(cli, agent)
    await agent.stop()
  } catch (error) {
    if (!isAgentDown(error)) throw error
  }
  for (let tries = 1; ; tries++) {
    try {
      return lockState(cli.files.lock, cli.log)
    } catch (error) {
      if (tries === STOP_TRIES) throw error
      await pause(cli, STOP_EVERY_MS)
    }
  }
}

interface Kept {
  /** Of the agent's last run. */
  readonly interfaceName?: string | undefined
  readonly lease?: LeaseMemory
}

/** What the cache tells of traces outside of it. What can't be read is left where it is. */
function readKept(cli: Cli): Kept {
  const { database } = cli.files
  if (!cli.probe.exists(database)) return {}
  try {
    const { store } = openStore(database, { log: cli.log, look: true })
    try {
      const interfaceName = keptInterfaceName(store)
      const lease = store.get(leaseKey)
      return lease === undefined ? { interfaceName } : { interfaceName, lease: parseLeaseMemory(lease) }
    } finally {
      store.close()
    }
  } catch (error) {
    cli.log.debug('the cache does not tell what was set up', { why: describeError(error) })
    return {}
  }
}

/** The router's mapping would lead nowhere. One that does not listen lets it go when its time is up. */
async function releasePort(cli: Cli, lease: LeaseMemory): Promise<void> {
  const abort = new AbortController()
  const timer = cli.clock.after(RELEASE_MS, () => abort.abort())
  try {
    const { releaseLease } = await import('../portmap/ask.ts')
    const doors = await cli.createRouterDoors(cli.log)
    await releaseLease({ doors, clock: cli.clock, signal: abort.signal }, lease)
  } catch (error) {
    cli.log.debug('the router keeps its mapping until it ends', { why: describeError(error) })
  } finally {
    timer.cancel()
  }
}

/** Programs of this host ask whom they asked before. */
async function untellResolver(cli: Cli, settings: Settings): Promise<void> {
  try {
    const resolver = await cli.createHostResolver(settings, cli.log)
    await resolver.cleanup()
  } catch (error) {
    cli.note(`who answers names on this host still leads those of the mesh here: ${describeError(error)}`)
  }
}

/** Of the agent, and of a relay alone. The lock of the state must be held. */
export async function cleanKernel(cli: Cli): Promise<void> {
  const { interfaceName, lease } = readKept(cli)
  const named = textFlag(cli.flags, 'interface') !== undefined
  const settings = named ? cli.settings : { ...cli.settings, interface: interfaceName ?? cli.settings.interface }
  if (lease !== undefined) await releasePort(cli, lease)
  await untellResolver(cli, settings)
  const driver = await cli.createDriver(settings, cli.files, cli.log)
  await driver.cleanup()
}
