// A process that ends leaves nothing unsaid.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const PROCESS = join(import.meta.dirname, 'process.ts')
/** More than any pipe holds. */
const BYTES = 1 << 20

/** Says more than fits, and ends at once. */
function say(before: string): Promise<{ readonly stdout: string }> {
  const words = `process.stdout.write('x'.repeat(${BYTES})); ${before}; process.exit(0)`
  const script = `import { allSaid } from ${JSON.stringify(PROCESS)}\n${words}`
  return promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { maxBuffer: 2 * BYTES })
}

test('what was written before the end reaches a reader who is slower', async () => {
  assert.is((await say('await allSaid()')).stdout.length, BYTES)
  assert.ok((await say('')).stdout.length < BYTES, 'else this machine can’t tell')
})

test.run()
