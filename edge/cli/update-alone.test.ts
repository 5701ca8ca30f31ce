// An update where no agent runs: what lies on the disk afterwards, and what is refused.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { stateFiles } from '../host/files.ts'
import { lockState } from '../host/lock.ts'
import { updatable } from '../update/candidate.ts'
import { parseUpdateCase } from '../update/case.ts'
import type { Cli } from './context.ts'
import { updateAlone } from './update-alone.ts'

const build = `#!/bin/sh\necho '${JSON.stringify({ program: 'holdfast', version: '2.0.0', ...updatable })}'\n`

interface Bench {
  readonly directory: string
  readonly files: Cli['files']
  readonly said: () => string
  readonly call: (slot?: string) => Promise<string>
}

async function withHome(run: (bench: Bench) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-alone-'))
  const versions = join(directory, 'versions')
  mkdirSync(join(versions, 'a'), { recursive: true })
  writeFileSync(join(directory, 'start'), '')
  symlinkSync('versions/a', join(directory, 'current'))
  writeFileSync(join(directory, 'file'), build)
  let said = ''
  const files = stateFiles(directory)
  const cli = {
    files,
    flags: {},
    json: false,
    settings: { confirmS: 0, releaseKeys: join(directory, 'release-keys.pem') },
    clock: new FakeClock(),
    log: memoryLog(),
    probe: { freeBytes: () => undefined },
    write: (text: string) => void (said += text),
    note: (text: string) => void (said += `${text}\n`),
    run: async ([path = '', ...args]: readonly string[]) => spawnSync(path, args, { encoding: 'utf8' }).stdout,
  } as unknown as Cli
  const call = async (slot = join(versions, 'a')): Promise<string> => {
    try {
      return String(await updateAlone(cli, join(directory, 'file'), undefined, slot))
    } catch (error) {
      if (error instanceof HoldfastError) return `${error.code}: ${error.message}`
      throw error
    }
  }
  try {
    await run({ directory, files, said: () => said, call })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('the next start is on trial, held to nothing but staying up; another update has to wait', () =>
  withHome(async ({ call, directory, said }) => {
    assert.is(await call(), '0')
    assert.match(said(), 'version 2.0.0 is the next that is started')
    assert.is(readlinkSync(join(directory, 'current')), 'versions/b')
    assert.is(readFileSync(join(directory, 'versions/unconfirmed'), 'utf8'), 'b 0 4 225\n')
    assert.is(readFileSync(join(directory, 'versions/b/holdfast'), 'utf8'), build)
    const { now } = parseUpdateCase(readFileSync(join(directory, 'versions/update.json'), 'utf8'))
    assert.ok(now.stage === 'trial')
    assert.equal([now.from.slot, now.to.version, now.before.hub], ['a', '2.0.0', false])
    assert.is(await call(), 'conflict: an update is on trial')
  }))

test('an agent that runs after all, and a program that lies elsewhere, are told apart; nothing changes', () =>
  withHome(async ({ call, directory, files }) => {
    const lock = lockState(files.lock, memoryLog())
    assert.match(await call(), 'conflict: another agent runs')
    lock.release()
    assert.match(await call('/usr/lib/holdfast'), /unreachable: .*lies in no slot/)
    assert.match(await call(directory), /unreachable: .*lies in no slot/)
    assert.is(readlinkSync(join(directory, 'current')), 'versions/a')
  }))

test.run()
