// A seed is worth something only if it brings the same run back, whatever ran before it in the same process.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Run, simulate } from './run.ts'

const run: Run = { seed: 42, steps: 60, nodes: 4 }

async function transcript(of: Run): Promise<{ readonly lines: readonly string[]; readonly trace: string }> {
  const lines: string[] = []
  const { breaches, trace } = await simulate({ ...of, say: (words) => void lines.push(words) })
  assert.equal(breaches, [])
  return { lines, trace }
}

test('the same seed twice is the same run, to the byte, whatever ran between', async () => {
  const first = await transcript(run)
  const between = await transcript({ ...run, seed: 43 })
  const second = await transcript(run)
  assert.ok(first.lines.length > run.steps)
  assert.equal(second.lines, first.lines)
  assert.is(second.trace, first.trace)
  assert.is.not(between.trace, first.trace)
})

test('listening changes nothing', async () => {
  const heard = await transcript(run)
  const { trace } = await simulate(run)
  assert.is(trace, heard.trace)
})

test.run()
