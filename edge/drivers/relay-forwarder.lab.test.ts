// The real nft as a relay's forwarder, in a network namespace of its own: this file runs itself again in one.

import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { defineForwarderConformance } from '../relay/conformance.fake.ts'
import type { Forward } from '../relay/forwarder.ts'
import { createRunner } from './command.ts'
import { createNftForwarder } from './relay-forwarder.ts'

const INSIDE = 'HOLDFAST_LAB_INSIDE'
const options = { port: 3_478, sessionBytesPerSecond: 25e6, totalBytesPerSecond: 125e6 }

function start(count = 1_024): ReturnType<typeof createNftForwarder> {
  return createNftForwarder({ ...options, range: { first: 61_000, count }, run: createRunner(memoryLog()) })
}

function defineInside(): void {
  defineForwarderConformance(test, async () => ({
    start,
    sabotage: async () => void execFileSync('nft', ['delete', 'table', 'inet', 'holdfast_relay']),
  }))

  test('a table that serves other ports is not mistaken for ours', async () => {
    await start().start()
    try {
      await start(64).start()
      assert.unreachable('it was taken over')
    } catch (error) {
      assert.ok(isHoldfastError(error, 'conflict'))
    }
    await start().cleanup()
  })

  test('a thousand sessions bound at once go in few batches', async () => {
    const forwarder = start()
    await forwarder.start()
    const nodes = [parseNodeId('aaaaaaaaaaaaaaaa'), parseNodeId('bbbbbbbbbbbbbbbb')] as const
    const local = parseAddress('192.0.2.9')
    const many = Array.from({ length: 1_000 }, (_, i): Forward => {
      const end = (net: string) => ({ source: parseEndpoint(`${net}.${i >> 8}.${i & 255}:51820`), local })
      return { port: 61_000 + i, family: 4, nodes, ends: [end('10.1'), end('10.2')] }
    })
    await Promise.all(many.map((forward) => forwarder.set(forward)))
    assert.is((await start().start()).length, 1_000)
    await forwarder.cleanup()
  })

  test.run()
}

if (process.env[INSIDE] === '1') defineInside()
else if (process.getuid?.() === 0) {
  const args = ['--net', '--mount', 'sh', '-c', 'mount -t sysfs sysfs /sys && exec "$@"', 'sh', process.execPath]
  const { status } = spawnSync('unshare', [...args, fileURLToPath(import.meta.url)], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  })
  process.exitCode = status ?? 1
} else process.stdout.write('skip: needs root for a network namespace\n')
