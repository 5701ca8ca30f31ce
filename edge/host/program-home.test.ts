// The slots on a real disk: what is carried out lies there as the starter reads it, and damage costs the memory, not the device.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { version } from '../../shared/version.ts'
import { nothingWorks } from '../confirm/working.ts'
import { noUpdate, type TrialStage } from '../update/case.ts'
import type { UpdateDoors } from '../update/doors.ts'
import { type Step, stepsBack, stepsInto } from '../update/steps.ts'
import { buildText, homeFiles, openProgramHome } from './program-home.ts'

const SHA = 'c'.repeat(64)

function withHome(run: (open: (slot?: string) => UpdateDoors, directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'hf-home-'))
  for (const slot of ['a', 'b'] as const) mkdirSync(homeFiles(directory).slot(slot), { recursive: true })
  const open = (slot = 'a'): UpdateDoors => {
    const doors = openProgramHome({ HOLDFAST_HOME: directory, HOLDFAST_SLOT: slot }, memoryLog(), () => undefined)
    if (doors === undefined) throw new HoldfastError('not-found', 'no slots')
    return doors
  }
  try {
    run(open, directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const trial: TrialStage = {
  stage: 'trial',
  from: { slot: 'a', version: '1.0.0' },
  to: { slot: 'b', version: '2.0.0', sha256: SHA },
  before: { ...nothingWorks, hub: true, gateways: ['eth0 192.168.1.1'] },
  since: 1_700_000_000_000,
}

function carryOut(doors: UpdateDoors, steps: readonly Step[]): void {
  for (const step of steps) doors.carryOut(step)
}

test('into an update and back: the link, the mark as one line, the record for its owner alone', () => {
  withHome((open, directory) => {
    const doors = open()
    assert.equal(doors.read(), { update: noUpdate, mark: undefined })
    carryOut(doors, stepsInto(noUpdate, trial, 225))
    assert.is(readlinkSync(join(directory, 'current')), 'versions/b')
    assert.is(readFileSync(join(directory, 'versions/unconfirmed'), 'utf8'), 'b 0 4 225\n')
    assert.is(statSync(join(directory, 'versions/update.json')).mode & 0o777, 0o600)
    const kept = open('b').read()
    assert.equal(kept.update.now, trial)
    assert.equal(kept.mark, { slot: 'b', starts: 0, startsMax: 4, seconds: 225, late: false })
    carryOut(doors, stepsBack(kept.update, trial, { check: 'hub', detail: 'gone' }, 5))
    assert.is(readlinkSync(join(directory, 'current')), 'versions/a')
    assert.not.ok(existsSync(join(directory, 'versions/unconfirmed')))
    assert.equal(open().read().update.refused, [{ sha256: SHA, version: '2.0.0', at: 5 }])
  })
})

test('what lies in a slot is known by its list, and who runs is known by itself', () => {
  withHome((open, directory) => {
    const { build } = homeFiles(directory)
    assert.equal([open().build('b'), open().runs], [undefined, { slot: 'a', version }])
    writeFileSync(build('b'), buildText({ version: '2.0.0', sha256: SHA }))
    assert.equal(open().build('b'), { slot: 'b', version: '2.0.0', sha256: SHA })
    writeFileSync(build('a'), buildText({ version: 'another one', sha256: SHA }))
    assert.equal(open().runs, { slot: 'a', version })
    writeFileSync(build('a'), buildText({ version, sha256: SHA }))
    assert.equal(open().runs, { slot: 'a', version, sha256: SHA })
    writeFileSync(build('b'), '{ torn')
    assert.is(open().build('b'), undefined)
  })
})

test('a record that is damaged costs what is known of the last update; a mark that is none is no mark', () => {
  withHome((open, directory) => {
    writeFileSync(join(directory, 'versions/update.json'), '{"now":')
    writeFileSync(join(directory, 'versions/unconfirmed'), 'nonsense\n')
    assert.equal(open().read(), { update: noUpdate, mark: undefined })
  })
})

test('what can’t be carried out is an error, and changes nothing', () => {
  withHome((open, directory) => {
    const doors = open()
    mkdirSync(join(directory, 'current.new'))
    try {
      doors.carryOut({ step: 'point', slot: 'b' })
      assert.unreachable()
    } catch (error) {
      assert.ok(isHoldfastError(error, 'failed'))
      assert.match(error.message, 'cannot link')
    }
    assert.not.ok(existsSync(join(directory, 'current')))
  })
})

test('who was not started by a starter has no slots', () => {
  for (const env of [{}, { HOLDFAST_HOME: '/opt/holdfast' }, { HOLDFAST_HOME: '/opt/holdfast', HOLDFAST_SLOT: 'c' }])
    assert.is(
      openProgramHome(env, memoryLog(), () => undefined),
      undefined,
    )
})

test.run()
