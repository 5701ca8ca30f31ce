// The oldest C library: versions are numbers and no words, and what is shipped asks for no newer one than is promised.

import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addonPath } from './assemble.ts'
import { assertFloor, glibcFloor, glibcOf, highest } from './glibc.ts'
import { releaseTargets } from './targets.ts'

const root = resolve(import.meta.dirname, '../..')

test('the highest of versions is found by number', () => {
  assert.is(highest(['2.4', '2.28', '2.17', '2.2.5']), '2.28')
  assert.is(highest(['2.2.5', '2.2']), '2.2.5')
  assert.is(highest([]), undefined)
})

test('the addons for both processors run with the promised one, and need just that', async () => {
  await assertFloor(releaseTargets.map(addonPath))
  for (const target of releaseTargets) assert.is(await glibcOf(addonPath(target)), glibcFloor)
})

test('the pinned Node runs with an older one; a static program asks for none', async () => {
  assert.is(await glibcOf(process.execPath), '2.28')
  for (const program of globSync('bpf/out/holdfast-bpf', { cwd: root }))
    assert.is(await glibcOf(join(root, program)), undefined)
})

test.run()
