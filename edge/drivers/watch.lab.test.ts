// The monitors of the kernel: they say what changed, and they end with the agent that is killed. In namespaces of its own;
// this file runs itself again there, and once more as the agent that dies.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { watchKernel } from './watch.ts'

const ROLE = 'HOLDFAST_LAB_WATCH'
const SELF = fileURLToPath(import.meta.url)

/** Command lines of the monitors that run in this network namespace. */
function monitors(): readonly string[] {
  const here = readlinkSync('/proc/self/ns/net')
  const found: string[] = []
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (readlinkSync(`/proc/${pid}/ns/net`) === here && words.includes('monitor')) found.push(words.join(' ').trim())
    } catch {
      // It ended while it was looked at.
    }
  }
  return found.sort()
}

async function until(holds: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 100 && !holds(); tries++) await pause(50)
  return holds()
}

const BOTH = ['ip -o monitor label link address route rule', 'nft monitor']

function defineInside(): void {
  test('a change is told, and stopping ends the monitors', async () => {
    const { promise: told, resolve } = Promise.withResolvers<void>()
    const watch = watchKernel('hf0', 'holdfast', () => resolve(), systemClock, memoryLog())
    try {
      assert.ok(await until(() => monitors().join() === BOTH.join()), monitors().join())
      const stirring = setInterval(() => spawnSync('nft', ['add', 'table', 'inet', 'holdfast']), 100)
      await told
      clearInterval(stirring)
    } finally {
      watch.stop()
    }
    assert.ok(await until(() => monitors().length === 0), monitors().join())
  })

  test('a killed agent leaves no monitor behind, though the kernel says nothing more', async () => {
    const agent = spawn(process.execPath, [SELF], { env: { ...process.env, [ROLE]: 'agent' }, stdio: 'ignore' })
    try {
      assert.ok(await until(() => monitors().join() === BOTH.join()), monitors().join())
    } finally {
      agent.kill('SIGKILL')
      await once(agent, 'exit')
    }
    assert.ok(await until(() => monitors().length === 0), monitors().join())
  })

  test('without setpriv the monitors run all the same', async () => {
    const path = process.env['PATH']
    // A directory that has ip and nft, and nothing else.
    const bin = execFileSync('mktemp', ['-d']).toString().trim()
    for (const program of ['ip', 'nft']) {
      execFileSync('ln', ['-s', execFileSync('which', [program]).toString().trim(), `${bin}/${program}`])
    }
    process.env['PATH'] = bin
    const watch = watchKernel('hf0', 'holdfast', () => undefined, systemClock, memoryLog())
    try {
      assert.ok(await until(() => monitors().join() === BOTH.join()), monitors().join())
    } finally {
      watch.stop()
      process.env['PATH'] = path
      execFileSync('rm', ['-r', bin])
    }
  })
}

if (process.env[ROLE] === 'agent') {
  watchKernel('hf0', 'holdfast', () => undefined, systemClock, memoryLog())
  setInterval(() => undefined, 60_000)
} else if (process.env[ROLE] === 'inside') {
  defineInside()
} else {
  test('monitors', () => {
    assert.is(process.getuid?.(), 0, 'needs root')
    const script = 'mount -t sysfs sysfs /sys && exec "$@"'
    const words = ['--net', '--mount', 'sh', '-c', script, 'sh', process.execPath, SELF]
    const { status, stdout, stderr } = spawnSync('unshare', words, { env: { ...process.env, [ROLE]: 'inside' } })
    assert.is(status, 0, `${stdout.toString()}${stderr.toString()}`)
  })
}

if (process.env[ROLE] !== 'agent') test.run()
