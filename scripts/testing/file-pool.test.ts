// One file's failure, crash or hang is its own, whoever shares the process with it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ChildResult } from './child.ts'
import { createFilePool } from './file-pool.ts'
import { asTestFile, type Outcome } from './outcome.ts'

const test = suite('test files that share a process')
const directory = mkdtempSync(join(tmpdir(), 'hf-file-pool-'))
const uvu = JSON.stringify(import.meta.resolve('uvu'))
test.after(() => rmSync(directory, { recursive: true }))

function fileOf(name: string, body: string): string {
  const path = join(directory, `${name}.mjs`)
  writeFileSync(path, `import { test } from ${uvu}\ntest('${name}', async () => { ${body} })\ntest.run()\n`)
  return path
}

const good = fileOf('good', "process.stdout.write('said by good\\n')")
const other = fileOf('other', '')

/** For what ends by itself, on a busy machine, too. */
const LONG_MS = 60_000

/** What becomes of `path` between two good files in one pool. */
async function between(
  path: string,
  timeoutMs = LONG_MS,
  closeMs = LONG_MS,
): Promise<{ outcome: Outcome; end: readonly ChildResult[] }> {
  const pool = createFilePool(process.execPath, { cwd: directory, mark: 'a test of the pool', closeMs })
  const run = async (one: string, limitMs = LONG_MS): Promise<Outcome> => asTestFile(one, await pool.run(one, limitMs))
  assert.equal(totals(await run(good)), [1, 0])
  const outcome = await run(path, timeoutMs)
  assert.equal(totals(await run(other)), [1, 0])
  return { outcome, end: await pool.close() }
}

const totals = ({ failed, passed }: Outcome): readonly number[] => [passed, failed]

for (const [what, body, output] of [
  ['fails', "throw new Error('on purpose')", /on purpose/],
  ['ends the process', 'process.exit(0)', /Exiting early/],
  [
    'is killed',
    "process.kill(process.pid, 'SIGKILL'); await new Promise(() => setTimeout(() => {}, 9_000))",
    /SIGKILL/,
  ],
  [
    'crashes behind its own back',
    "setImmediate(() => { throw new Error('late') }); await new Promise(() => {})",
    /late/,
  ],
] as const) {
  test(`a file that ${what} is the one that failed`, async () => {
    const { end, outcome } = await between(fileOf(what.replaceAll(' ', '-'), body))
    assert.equal(totals(outcome), [0, 1])
    assert.match(outcome.output, output)
    assert.not.match(outcome.output, /said by good/)
    assert.equal(
      end.map(({ code }) => code),
      [0],
    )
  })
}

test('a file that cannot be read, or has no tests, failed', async () => {
  const empty = join(directory, 'empty.mjs')
  writeFileSync(empty, '')
  assert.equal(totals((await between(empty)).outcome), [0, 1])
  const { outcome } = await between(join(directory, 'nowhere.mjs'))
  assert.equal(totals(outcome), [0, 1])
  assert.match(outcome.output, /nowhere/)
})

test('a file that hangs is ended at its limit, and told so', async () => {
  const { outcome } = await between(fileOf('hangs', 'await new Promise((done) => setTimeout(done, 60_000))'), 300)
  assert.equal(totals(outcome), [0, 1])
  assert.match(outcome.output, /did not end within its time limit/)
})

test('what a file left open keeps nobody for ever, and is named', async () => {
  const { end, outcome } = await between(fileOf('leaves', 'setInterval(() => {}, 1_000)'), LONG_MS, 4_000)
  assert.equal(totals(outcome), [1, 0])
  assert.is(end.length, 1)
  assert.is.not(end[0]?.code, 0)
  assert.match(end[0]?.output ?? '', /still open: .*Timeout/)
})

test.run()
