// `holdfast metrics`, beside an agent and beside none.

import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fakeAgent } from '../agent.fake.ts'
import { withCli } from './cli-rig.fake.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

const text = '# TYPE up gauge\nup 1\n'

test('prints what the agent tells, or puts it where a collector reads it', () =>
  withCli(fakeAgent({ status: () => ({}) as never }), async (call, state) => {
    assert.equal(await call('metrics'), { code: 0, out: text, notes: '' })
    const path = join(state, 'holdfast.prom')
    assert.equal(await call('metrics', '-o', path), { code: 0, out: '', notes: '' })
    assert.is(readFileSync(path, 'utf8'), text)
    assert.is(statSync(path).mode & 0o777, 0o644)
    const nowhere = await call('metrics', '-o', join(state, 'no', 'such', 'place'))
    assert.is(nowhere.code, 1)
    assert.match(nowhere.notes, /Make the directory first/)
  }))

test('without an agent it says so, and leaves a file of before alone', () =>
  withCli(undefined, async (call) => {
    const { code, notes, out } = await call('metrics')
    assert.equal([code, out], [1, ''])
    assert.match(notes, /the agent is not running/)
  }))

test.run()
