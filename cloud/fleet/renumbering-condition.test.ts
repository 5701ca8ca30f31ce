// Whom a step of a renumbering waits for, and how people are told.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseName, parseNodeId } from '../../shared/ids.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { apiVersion, parseResource } from '../../shared/intent/resource.ts'
import type { Version } from '../../shared/record/head.ts'
import { type Member, measure } from './progress.ts'
import { missingIn, renumberingOf } from './renumbering-condition.ts'

const at = (revision: number): Version => ({ epoch: 1, revision })

/** A device that runs `applied`, and goes back to `lastGood` where that does not prove itself. */
function member(name: string, applied: number, lastGood = applied): Member {
  const nodeId = parseNodeId(name.padEnd(16, 'a'))
  return {
    name: parseName(name),
    nodeId,
    online: true,
    held: at(applied),
    applied: at(applied),
    lastGood: at(lastGood),
    takenBack: undefined,
  }
}

/** The step was taken with revision 7. */
function missing(members: readonly Member[], step: 'Prepare' | 'Switch' | 'Return' = 'Switch'): readonly string[] {
  return missingIn(measure(members, at(9), () => false)(at(7)), members, step)
}

test('one that has the switch on trial is waited for: it may go back to a block that the others let go', () => {
  const members = [member('pump', 7, 5), member('gate', 7), member('yard', 5)]
  assert.equal(missing(members), ['pump', 'yard'])
  // What is on trial came after the step.
  assert.equal(missing([member('pump', 8, 7)]), [])
  assert.equal(missing([member('pump', 8, 6)]), ['pump'])
})

test('other steps let nothing go that a device may go back to', () => {
  const members = [member('pump', 7, 5), member('yard', 5)]
  assert.equal(missing(members, 'Prepare'), ['yard'])
  assert.equal(missing(members, 'Return'), ['yard'])
})

test('nobody is named twice', () => {
  // It claims what was never signed, and has proven nothing.
  assert.equal(missing([member('pump', 12, 3)]), ['pump'])
})

test('people are told who is waited for, and what is next once all have come to stay', () => {
  const { spec } = parseResource({
    apiVersion,
    kind: 'Network',
    metadata: { name: 'default' },
    spec: { cidr: '10.90.0.0/16', renumber: { step: 'Switch', cidr: '100.80.0.0/16' } },
  }) as { spec: NetworkSpec }
  const told = (members: readonly Member[]): string =>
    renumberingOf(spec, measure(members, at(9), () => false)(at(7)), members)?.message ?? ''
  assert.match(told([member('pump', 7, 5), member('gate', 7)]), /2 of 2 have it; missing: pump(?!,)/)
  assert.match(told([member('pump', 7), member('gate', 7)]), /2 of 2 have it; next: holdfast-hub renumber finish/)
})

test.run()
