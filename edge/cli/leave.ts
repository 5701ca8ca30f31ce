// The command `leave`: out of the hub's list, out of the kernel, off the disk. A hub that can't be told stops nothing: a
// device that is sold or moved has to be clean all the same. The state goes last, for it is what a second try needs.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { switchFlag } from '../../shared/cli/parse.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { parseHubUrl } from '../../shared/wire/hub-url.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import { sayGoodbye } from '../enrol/hub-exchange.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { freePlace, furtherNetworks, networksDir } from '../host/networks.ts'
import { proxyOf } from '../host/settings.ts'
import { cleanKernel, takeOver } from './clean-kernel.ts'
import { type Cli, type Command, writeJson } from './context.ts'

async function tellHub(cli: Cli): Promise<string> {
  const identity = loadIdentity(cli.files)
  const keys = loadKeys(cli.files)
  if (identity === undefined || keys === undefined) return 'was not enrolled'
  try {
    const by = { proxy: proxyOf(cli.settings), out: await cli.createHubWay?.(cli.settings, cli.log) }
    const contact = { hub: parseHubUrl(identity.hubUrl), ...by, clock: cli.clock, floor: 0 }
    await sayGoodbye(contact, identity, keys)
    return 'told'
  } catch (error) {
    cli.note(
      `the hub could not be told: ${describeError(error)} Remove the node there: holdfast-hub delete node ${identity.name}`,
    )
    return 'not told'
  }
}

/** Further networks of the device are not what is left. */
function purgeState(directory: string): void {
  const kept = furtherNetworks(directory).length > 0 ? networksDir(directory) : undefined
  if (kept === undefined) return rmSync(directory, { recursive: true, force: true })
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    if (path !== kept) rmSync(path, { recursive: true, force: true })
  }
}

/** Without `purge` the keys stay, so that a device which joins again is the same node. */
function removeState(cli: Cli, purge: boolean): void {
  const { database, deviceKeys, directory, flows, identity, lock, membershipLock, rootPin, socket } = cli.files
  if (purge) return purgeState(directory)
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
    await cleanKernel(cli)
    removeState(cli, purge)
    if (cli.settings.network !== undefined) freePlace(cli.files.directory)
  } finally {
    lock.release()
  }
  if (cli.json) writeJson(cli, { left: true, hub, purged: purge })
  else cli.write(purge ? 'left; nothing of Holdfast remains here\n' : 'left; only the keys remain\n')
  return 0
}
