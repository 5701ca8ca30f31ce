// Which builds are taken, and in which words others are refused.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { type Candidate, objectionTo, type Place, readAnswer, updatable } from './candidate.ts'

const [one, two] = ['1'.repeat(64), '2'.repeat(64)]
const place: Place = {
  version: '1.0.0',
  layout: { writes: 2, reads: 3 },
  refused: [{ sha256: two, version: '1.1.0', at: 0 }],
}
const next: Candidate = { version: '1.1.0', layout: { writes: 2, reads: 3 }, update: 1 }

function objection(change: Partial<Candidate>, sha256 = one, force = false): string {
  return objectionTo({ ...next, ...change }, sha256, place, { again: force, downgrade: force })?.message ?? ''
}

test('a newer build of a layout that both read is taken', () => {
  assert.is(objection({}), '')
  assert.is(objection({ layout: { writes: 3, reads: 3 } }), '')
})

test('the same version, and a file that was taken back, only if somebody insists', () => {
  assert.match(objection({ version: '1.0.0' }), 'runs already')
  assert.match(objection({}, two), 'taken back here on 1970-01-01')
  assert.is(objection({ version: '1.0.0' }, one, true), '')
  assert.is(objection({}, two, true), '')
})

test('an older version only if somebody insists; another build of the same is not older', () => {
  assert.match(objection({ version: '0.9.9' }), 'version 0.9.9 is older than 1.0.0')
  assert.match(objection({ version: '1.0.0-rc.1' }), 'is older than')
  assert.is(objection({ version: '0.9.9' }, one, true), '')
  assert.is(objection({ version: '1.0.0+def' }), '')
  assert.is(objection({ version: 'dev' }), '')
})

test('state is never taken back, whoever insists', () => {
  for (const force of [false, true]) {
    assert.match(objection({ layout: { writes: 1, reads: 1 } }, one, force), 'too old for the state of this device')
    assert.match(objection({ layout: { writes: 4, reads: 4 } }, one, force), 'no way back')
    assert.match(objection({ update: 2 }, one, force), 'in another way')
  }
})

test('what a build says of itself is read, and words that came later are passed over', () => {
  const said = { program: 'holdfast', version: '9.9.9', node: '24.0.0', ...updatable, more: true }
  assert.equal(readAnswer(JSON.stringify(said)), { program: 'holdfast', version: '9.9.9', ...updatable })
})

test('other programs, and builds that know no updates, are told apart', () => {
  const refused = (text: string): string => {
    try {
      readAnswer(text)
    } catch (error) {
      if (error instanceof HoldfastError) return `${error.code}: ${error.message}`
      throw error
    }
    return 'taken'
  }
  assert.match(refused('holdfast 0.1.0 (Node 24.21.0)\n'), 'unsupported: the file does not answer')
  assert.match(refused(''), 'unsupported: the file does not answer')
  assert.match(
    refused('{"version": "0.1.0", "node": "24.21.0"}'),
    'unsupported: the file is no Holdfast that proves itself',
  )
  assert.match(refused('null'), 'unsupported')
  assert.match(refused(JSON.stringify({ program: 'other', version: '1', ...updatable })), 'unsupported')
})

test.run()
