// Tests that are alone with a kernel: their file runs itself again in a network namespace of its own.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { whyNoLab } from '../testing/privilege.ts'

const INSIDE = 'HOLDFAST_LAB_INSIDE'
const TIMEOUT_MS = 240_000

/** `url`: of the file. `define`: its tests, as they run inside; it is not called outside. @testonly */
export function testInOwnNamespace(what: string, url: string, define: () => void): void {
  const why = whyNoLab()
  if (process.env[INSIDE] !== undefined) define()
  else if (why === undefined) {
    test(`${what}, in a network namespace of its own`, () => {
      const argv = ['-n', '-m', 'sh', '-c', 'mount -t sysfs sysfs /sys && exec "$@"', 'sh', process.execPath]
      const env = { ...process.env, [INSIDE]: '1' }
      const inside = spawnSync('unshare', [...argv, fileURLToPath(url)], { env, timeout: TIMEOUT_MS })
      assert.is(inside.status, 0, `${inside.stdout.toString()}\n${inside.stderr.toString()}`)
    })
  } else process.stdout.write(`skip: ${why}\n`)
  if (why === undefined) test.run()
}
