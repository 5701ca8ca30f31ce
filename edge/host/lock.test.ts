// One agent per state directory, shown with two processes.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { lockState } from './lock.ts'

const HOLDER = `
import { lockState } from '${new URL('./lock.ts', import.meta.url).href}'
globalThis.lock = lockState(process.argv[1], { warn: () => process.exit(3) })
process.stdout.write('held')
setInterval(() => {}, 1000)
`

test('a second process is refused until the first is dead, by whatever death', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hf-lock-'))
  const path = join(directory, 'agent.lock')
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', HOLDER, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  assert.throws(
    () => lockState(path, memoryLog()),
    (error: unknown) => isHoldfastError(error, 'conflict'),
  )
  const gone = new Promise((resolve) => holder.once('exit', resolve))
  holder.kill('SIGKILL')
  await gone
  lockState(path, memoryLog()).release()
  lockState(path, memoryLog()).release()
  rmSync(directory, { recursive: true })
})

test('a place where nothing can be locked is warned of, not fatal', () => {
  const lines: { level: string; message: string }[] = []
  lockState('/proc/no/such/place', memoryLog(lines as never)).release()
  assert.is(lines[0]?.level, 'warn')
})

test.run()
