// The one runner of other programs, with real ones: what they print, how they fail, and that none of them can hold us up.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { type HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { commandOutputMax } from '../../shared/limits.ts'
import { createRunner } from './command.ts'

const run = createRunner(memoryLog())

async function failure(work: Promise<unknown>): Promise<HoldfastError> {
  const error: unknown = await work.then(
    () => 'nothing',
    (reason: unknown) => reason,
  )
  if (isHoldfastError(error)) return error
  throw new assert.Assertion({ message: `no HoldfastError: ${String(error)}`, operator: 'throws' } as never)
}

test('input goes in, output comes out, arguments are never words of a shell', async () => {
  assert.is(await run('cat', [], { input: 'a line\n' }), 'a line\n')
  assert.is(await run('printf', ['%s', '$HOME; `id` "x"']), '$HOME; `id` "x"')
  assert.is(await run('sh', ['-c', 'echo $LC_ALL $MORE'], { env: { MORE: 'x' } }), 'C x\n')
})

test('a failure is told in the words of the program, or of its end', async () => {
  const said = await failure(run('sh', ['-c', 'echo RTNETLINK answers: no >&2; exit 2']))
  assert.is(said.code, 'failed')
  assert.match(said.message, 'RTNETLINK answers: no')
  assert.match((await failure(run('sh', ['-c', 'exit 3']))).message, 'exit code 3')
  assert.match((await failure(run('sh', ['-c', 'kill -9 $$']))).message, 'ended by SIGKILL')
})

test('a program that is not there is told with its package', async () => {
  const { code, remedy } = await failure(run('wireguard-go-that-is-not-there', []))
  assert.is(code, 'unsupported')
  assert.match(remedy ?? '', 'wireguard-go-that-is-not-there')
})

test('a program that hangs is given up, though what it started keeps its pipes', async () => {
  const quick = createRunner(memoryLog(), 100)
  const hung = await failure(quick('sleep', ['30']))
  assert.match(hung.message, 'sleep 30: did not end within 0.1 s')
  assert.match(hung.remedy ?? '', 'dmesg')
  // The shell ends at once; its child holds standard output for longer than this test may take.
  await failure(quick('sh', ['-c', 'sleep 5 & exit 0']))
})

test('endless output ends in an error, not in all the memory', async () => {
  const { message } = await failure(run('cat', ['/dev/zero']))
  assert.match(message, `printed more than ${commandOutputMax} bytes`)
  const { message: short } = await failure(run('sh', ['-c', 'head -c 1000000 /dev/zero | tr "\\0" x >&2; exit 1']))
  assert.ok(short.length < 1_000)
})

test('a program that reads nothing of its input is no defect', async () => {
  assert.is(await run('true', [], { input: 'x'.repeat(1 << 20) }), '')
})

test.run()
