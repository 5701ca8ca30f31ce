// Commit-confirm where the kernel takes its time: what it was not brought to yet is not what it refuses.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock } from '../shared/effects.fake.ts'
import { third } from './agent-rig.fake.ts'
import { shown, type Watched, watched } from './agent-watched.fake.ts'
import type { Driver } from './drivers/driver.ts'
import { createFakeKernel } from './drivers/kernel.fake.ts'

/** As `watched`; `turn` stands in the way of what is done to the kernel, from now on. */
async function withKernel(turn: (clock: FakeClock) => Promise<void>): Promise<Watched> {
  const [clock, kernel] = [new FakeClock(), createFakeKernel()]
  const driver = kernel.driver()
  let begun = false
  const apply: Driver['apply'] = async (ops) => {
    if (begun) await turn(clock)
    return driver.apply(ops)
  }
  const made = await watched({ clock, kernel: { ...kernel, driver: () => ({ ...driver, apply }) } })
  begun = true
  return made
}

test('revisions that come just before each look are not blamed for what the kernel was not brought to yet', async () => {
  const { rig } = await withKernel((clock) => new Promise((resolve) => void clock.after(400, resolve)))
  for (let at = 0; at < 12; at++) {
    rig.hub.putNode(third, { labels: { role: `role-${at}` } }).publish()
    await rig.advance(at === 0 ? 4_850 : 5_000)
    assert.match(shown(rig), / trial$/, `${at}`)
  }
  await rig.advance(40_000)
  assert.is(shown(rig), '13/13/13')
  await rig.stop()
})

test('a kernel that a turn never ends in is lost for it', async () => {
  const { rig } = await withKernel(() => new Promise(() => undefined))
  rig.hub.putNode(third).publish()
  await rig.advance(40_000)
  const { quarantine } = rig.agent.status().revision
  assert.equal([quarantine?.check, quarantine?.detail], ['kernel', 'the kernel is not brought to revision 2 yet'])
  rig.kill()
})

test.run()
