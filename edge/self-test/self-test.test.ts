// The self-test passes here, and names what does not work: a database that can't be, a program that does not start.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { withCli } from '../cli/cli-rig.fake.ts'
import { createRunner } from '../drivers/command.ts'
import { commandsBy } from '../host/command.ts'
import { type OwnProgram, selfTest } from './self-test.ts'

const log = memoryLog()
const run = commandsBy(createRunner(log))

function programAt(path: string | undefined): OwnProgram {
  return { name: 'helper', find: () => path, words: ['--help'], says: /helps/ }
}

async function verdictOf(program: OwnProgram): Promise<string> {
  const results = await selfTest({ run, log, programs: [program] })
  const found = results.find(({ check }) => check === 'helper')
  return found === undefined ? 'absent' : `${found.verdict}: ${found.found}`
}

test('what is built in works here', async () => {
  const results = await selfTest({ run, log, programs: [] })
  assert.equal(
    results.map(({ check, verdict }) => `${check} ${verdict}`),
    ['runtime ok', 'database ok', 'cryptography ok', 'planner ok'],
  )
})

test('a program starts, also where it only explains itself; one for another processor does not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hf-self-test-'))
  try {
    const lay = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(directory, name), content)
      chmodSync(join(directory, name), 0o755)
      return join(directory, name)
    }
    assert.match(await verdictOf(programAt(lay('good', '#!/bin/sh\necho helps >&2; exit 2\n'))), /^ok: .*good starts/)
    assert.match(await verdictOf(programAt(lay('mute', '#!/bin/sh\nexit 0\n'))), /^failed: helper does not start/)
    // The head of a program for a processor that nobody has (EM_NONE).
    const foreign = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, ...new Uint8Array(57))
    assert.match(await verdictOf(programAt(lay('foreign', foreign))), /^failed: helper does not start/)
    assert.is(await verdictOf(programAt(undefined)), 'absent')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('where no database can be, it says so, and goes on', async () => {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = '/proc/holdfast-nowhere'
  try {
    const results = await selfTest({ run, log, programs: [] })
    assert.equal(
      results.map(({ check, verdict }) => `${check} ${verdict}`),
      ['runtime ok', 'database failed', 'cryptography ok', 'planner ok'],
    )
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
})

test('its exit code and its JSON are for scripts', async () => {
  await withCli(undefined, async (call) => {
    const { code, out } = await call('self-test', '--json')
    assert.is(code, 0)
    const { results } = JSON.parse(out) as { results: readonly { verdict: string }[] }
    assert.ok(results.length >= 4)
    assert.ok(results.every(({ verdict }) => verdict === 'ok'))
  })
})

test.run()
