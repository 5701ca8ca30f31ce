// A file that grew is told of, and so is one that nobody gave a bound.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ReleaseFile } from '../shared/release/manifest.ts'
import { overBudget, readBudget } from './budget.ts'
import { programs } from './programs.ts'
import { releaseTargets } from './single/targets.ts'

const MIB = 1 << 20
const sha256 = 'a'.repeat(64)

function file(mib: number, packedMib: number): ReleaseFile {
  const zst = { name: 'one.zst', size: packedMib * MIB, sha256 }
  return { name: 'one', kind: 'agent', target: 'linux-x64', size: mib * MIB, sha256, zst }
}

const budget = { sizes: { one: { fileMiB: 10, compressedMiB: 4 } } }

test('what keeps to its budget is not spoken of, each thing that does not is', () => {
  assert.equal(overBudget([file(10, 4)], budget), [])
  assert.is(overBudget([file(11, 5)], budget).length, 2)
  assert.match(overBudget([file(10, 5)], budget)[0] ?? '', 'compressedMiB is 5.00')
})

test('a program without a budget is told of; other files need none', () => {
  assert.match(overBudget([{ ...file(1, 1), name: 'two' }], budget)[0] ?? '', 'two has no budget')
  assert.equal(overBudget([{ ...file(99, 99), kind: 'sbom' }], budget), [])
})

test('every program of a release has one', () => {
  const { sizes } = readBudget()
  const names = programs.flatMap(({ name }) => releaseTargets.map((target) => `${name}-${target}`))
  assert.equal(Object.keys(sizes).sort(), names.sort())
})

test.run()
