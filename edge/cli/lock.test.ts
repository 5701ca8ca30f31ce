// `holdfast lock`: what the device trusts, changed by who has root here, with or without an agent that runs.

import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { fakeLock, signLock } from '../../shared/host/lock-keys.fake.ts'
import { parseNetworkId } from '../../shared/ids.ts'
import { stateFiles } from '../host/files.ts'
import { openStore } from '../store/sqlite.ts'
import type { Cli, Command } from './context.ts'
import { lockForgetCommand, lockStatusCommand, lockTrustCommand } from './lock.ts'

const network = parseNetworkId('aaaaaaaaaaaa')
const lock = fakeLock({ network, keys: [1, 2, 3], threshold: 2 })

async function onDevice(
  run: (call: (command: Command, ...args: string[]) => Promise<string>, at: string) => Promise<void>,
) {
  const directory = mkdtempSync(join(tmpdir(), 'hf-lock-'))
  const files = stateFiles(join(directory, 'state'))
  mkdirSync(files.directory)
  const key = Buffer.alloc(32, 7).toString('base64')
  const identity = {
    nodeId: 'aaaaaaaaaaaaaaaa',
    name: 'me',
    network: { id: network, name: 'default' },
    hubUrl: 'https://hub.test:8443',
    anchor: { rootKey: key, tlsAuthority: '' },
    keys: [],
    broker: { urls: ['mqtts://hub.test:8883'], username: 'x', password: 'x' },
  }
  writeFileSync(files.identity, JSON.stringify(identity))
  try {
    await run(async (command, ...args) => {
      let said = ''
      const write = (text: string | Uint8Array): void => void (said += String(text))
      const cli = {
        args,
        files,
        json: false,
        write,
        env: { SUDO_USER: 'alice' },
        clock: new FakeClock(),
        log: memoryLog(),
      }
      await command(cli as unknown as Cli)
      return said
    }, directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('trust, status and forget, each written in the journal with who did it', () =>
  onDevice(async (call, at) => {
    const files = stateFiles(join(at, 'state'))
    const path = join(at, 'lock.json')
    assert.match(await call(lockStatusCommand), 'no membership lock')
    writeFileSync(path, JSON.stringify({ lock: signLock(lock, [1, 3]) }))
    assert.match(await call(lockTrustCommand, path), 'trusts lock 1')
    assert.is(statSync(files.membershipLock).mode & 0o777, 0o600)
    assert.match(await call(lockStatusCommand), `2 of these 3 keys sign for a member\n  ${lock.keys[0]}`)
    assert.match(await call(lockForgetCommand), 'forgotten')
    assert.match(await call(lockStatusCommand), 'no membership lock')
    const { store } = openStore(files.database, { log: memoryLog() })
    const details = store.loadJournal(10).map(({ detail }) => detail)
    store.close()
    assert.equal(details.toSorted(), [
      'lock 1 of 3 keys is trusted, by root on this device (alice)',
      'the lock is forgotten, by root on this device (alice)',
    ])
  }))

test('a file that is not such a lock, or not of this network, changes nothing', () =>
  onDevice(async (call, at) => {
    const path = join(at, 'lock.json')
    const refused = async (text: string): Promise<string> => {
      writeFileSync(path, text)
      return await call(lockTrustCommand, path).then(
        () => 'taken',
        (error: unknown) => String(error),
      )
    }
    assert.match(await refused('{}'), 'not a membership lock')
    assert.match(await refused(JSON.stringify({ lock: signLock(lock, [1]) })), 'lacks the signatures')
    const elsewhere = fakeLock({ network: parseNetworkId('bbbbbbbbbbbb'), keys: [1], threshold: 1 })
    assert.match(await refused(JSON.stringify({ lock: signLock(elsewhere, [1]) })), 'of network bbbbbbbbbbbb')
    assert.match(await call(lockStatusCommand), 'no membership lock')
  }))

test.run()
