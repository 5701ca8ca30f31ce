// The commands `lock …` on a device: which membership lock it trusts, and how who has root here changes that. This is the way
// out where the keys of a lock are lost: no message can do it, only a person at the device. It is written in the journal.

import { readFileSync, rmSync } from 'node:fs'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { Lock } from '../../shared/record/lock.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { openLockFile } from '../host/lock-file.ts'
import type { Identity } from '../identity.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { openStore } from '../store/sqlite.ts'
import { createLockPin, lockFileText, readCarriedLock } from '../trust/lock-pin.ts'
import { type Cli, type Command, writeJson } from './context.ts'

function enrolled(cli: Cli): Identity {
  const identity = loadIdentity(cli.files)
  if (identity !== undefined) return identity
  throw new HoldfastError('not-found', `this device has not joined: nothing in ${cli.files.directory}`, {
    remedy: 'Run `holdfast join URL --token T`, or give the right --state.',
  })
}

function pinned(cli: Cli, identity: Identity): Lock | undefined {
  const anchors = { network: identity.network.id, root: new Uint8Array(32), certificates: [], sha256, verify }
  const file = openLockFile(cli.files.membershipLock)
  const pin = createLockPin({ anchors, read: () => file.read(), write: () => false, onPinned: () => undefined })
  const bad = pin.load()
  if (bad !== undefined)
    throw new HoldfastError('corrupt', bad, { remedy: 'Run `holdfast lock trust FILE` or `lock forget`.' })
  return pin.lock()
}

/** The agent that runs takes it over at once; one that starts later does anyway. */
async function takeOver(cli: Cli, what: string): Promise<void> {
  const by = cli.env['SUDO_USER']
  const detail = `${what}, by root on this device${by === undefined ? '' : ` (${by})`}`
  try {
    await createLocalClient(cli.files.socket).trustAnew(detail)
  } catch (error) {
    if (!isAgentDown(error)) throw error
    const { store } = openStore(cli.files.database, { log: cli.log })
    try {
      store.journal({ at: cli.clock.now(), event: 'membership-lock', detail })
    } finally {
      store.close()
    }
  }
}

export const lockStatusCommand: Command = async (cli) => {
  const lock = pinned(cli, enrolled(cli))
  if (cli.json) writeJson(cli, { lock: lock ?? null })
  else if (lock === undefined) cli.write('no membership lock: the hub alone says who is a member\n')
  else if (lock.threshold === 0) cli.write(`lock ${lock.serial} ended it: the hub alone says who is a member\n`)
  else {
    cli.write(`lock ${lock.serial}: ${lock.threshold} of these ${lock.keys.length} keys sign for a member\n`)
    for (const key of lock.keys) cli.write(`  ${key}\n`)
    if (lock.revoked.length > 0) cli.write(`revoked for good: ${lock.revoked.join(', ')}\n`)
  }
  return 0
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new HoldfastError('not-found', `cannot read ${path}`, { cause, remedy: 'Carry the file here from the hub.' })
  }
}

export const lockTrustCommand: Command = async (cli) => {
  const identity = enrolled(cli)
  const lock = readCarriedLock(textOf(cli.args[0] ?? ''), { network: identity.network.id, sha256, verify })
  openLockFile(cli.files.membershipLock).write(lockFileText(lock))
  await takeOver(cli, `lock ${lock.serial} of ${lock.keys.length} keys is trusted`)
  cli.write(`this device trusts lock ${lock.serial} from now on\n`)
  return 0
}

export const lockForgetCommand: Command = async (cli) => {
  enrolled(cli)
  rmSync(cli.files.membershipLock, { force: true })
  await takeOver(cli, 'the lock is forgotten')
  cli.write('forgotten: this device takes the lock that the hub shows next, whoever made it\n')
  return 0
}
