// The command `leave`: out of the hub's list, out of the kernel, off the disk. A hub that can't be told stops nothing: a
// device that is sold or moved has to be clean all the same. The state goes last, for it is what a second try needs.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import { sayGoodbye } from '../enrol/hub-exchange.ts'
import { parseHubUrl } from '../enrol/hub-url.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { keptInterfaceName } from '../host/interface-name.ts'
import { lockState, type StateLock } from '../host/lock.ts'
import { proxyOf } from '../host/settings.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { type LeaseMemory, parseLeaseMemory } from '../portmap/lease.ts'
import { leaseKey } from '../portmap/own-portmap.ts'
import { openStore } from '../store/sqlite.ts'
import { type Cli, type Command, writeJson } from './context.ts'

const STOP_TRIES = 50
const STOP_EVERY_MS = 200
/** A router that is there answers within milliseconds. */
const RELEASE_MS = 3_000

function pause(cli: Cli, ms: number): Promise<void> {
  return new Promise((resolve) => void cli.clock.after(ms, resolve))
}

/** Ends the agent, if one runs, and takes its lock, so that none starts in between. */
async function takeOver(cli: Cli): Promise<StateLock> {
  try {
    await createLocalClient(cli.files.socket).stop()
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

async function tellHub(cli: Cli): Promise<string> {
  const identity = loadIdentity(cli.files)
  const keys = loadKeys(cli.files)
  if (identity === undefined || keys === undefined) return 'was not enrolled'
  const contact = { hub: parseHubUrl(identity.hubUrl), proxy: proxyOf(cli.settings), clock: cli.clock, floor: 0 }
  try {
    await sayGoodbye(contact, identity, keys)
    return 'told'
  } catch (error) {
    cli.note(
      `the hub could not be told: ${describeError(error)} Remove the node there: holdfast-hub delete node ${identity.name}`,
    )
    return 'not told'
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

/** Without `purge` the keys stay, so that a device which joins again is the same node. */
function removeState(cli: Cli, purge: boolean): void {
  const { database, deviceKeys, directory, flows, identity, lock, membershipLock, rootPin, socket } = cli.files
  if (purge) return rmSync(directory, { recursive: true, force: true })
  for (const path of [
    identity,
    membershipLock,
    rootPin,
    // Who joins again is known by the key that he has then.
    deviceKeys,
    socket,
    lock,
    ...[database, flows].flatMap((base) => ['', '-wal', '-shm'].map((suffix) => `${base}${suffix}`)),
  ]) {
    rmSync(path, { force: true })
  }
  rmSync(join(directory, 'identity.json.new'), { force: true })
}

export const leaveCommand: Command = async (cli) => {
  if (!cli.probe.exists(cli.files.directory)) {
    throw new HoldfastError('not-found', `there is no ${cli.files.directory}: this device has not joined`, {
      remedy: 'Give the right --state if its state lies elsewhere.',
    })
  }
  const purge = switchFlag(cli.flags, 'purge')
  const lock = await takeOver(cli)
  let hub: string
  try {
    hub = await tellHub(cli)
    const { interfaceName, lease } = readKept(cli)
    const named = textFlag(cli.flags, 'interface') !== undefined
    const settings = named ? cli.settings : { ...cli.settings, interface: interfaceName ?? cli.settings.interface }
    if (lease !== undefined) await releasePort(cli, lease)
    const driver = await cli.createDriver(settings, cli.files, cli.log)
    await driver.cleanup()
    removeState(cli, purge)
  } finally {
    lock.release()
  }
  if (cli.json) writeJson(cli, { left: true, hub, purged: purge })
  else cli.write(purge ? 'left; nothing of Holdfast remains here\n' : 'left; only the keys remain\n')
  return 0
}
