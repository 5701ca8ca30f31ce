// What systemd is told, as the commands that tell it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog, settle } from '../../shared/effects.fake.ts'
import { createNotifier } from './systemd.ts'

function setUp(env: Record<string, string>) {
  const commands: string[] = []
  const clock = new FakeClock()
  const run = async (argv: readonly string[]) => void commands.push(argv.join(' '))
  return { commands, clock, notifier: createNotifier({ env, pid: 42, clock, log: memoryLog(), run }) }
}

test('tells systemd that it is ready, what it does, and that it is alive', async () => {
  const { commands, clock, notifier } = setUp({
    NOTIFY_SOCKET: '/run/x',
    WATCHDOG_USEC: '60000000',
    WATCHDOG_PID: '42',
  })
  notifier.ready('online')
  notifier.status('online')
  notifier.status('autonomous')
  await settle()
  assert.equal(commands.splice(0), [
    'env NOTIFY_SOCKET=/run/x systemd-notify READY=1 MAINPID=42 STATUS=online',
    'env NOTIFY_SOCKET=/run/x systemd-notify STATUS=autonomous',
  ])
  await clock.advanceAsync(61_000)
  assert.equal(commands.splice(0), [
    'env NOTIFY_SOCKET=/run/x systemd-notify WATCHDOG=1',
    'env NOTIFY_SOCKET=/run/x systemd-notify WATCHDOG=1',
  ])
  notifier.stopping()
  await clock.advanceAsync(120_000)
  assert.equal(commands, ['env NOTIFY_SOCKET=/run/x systemd-notify STOPPING=1'])
})

test('says nothing where systemd does not listen, or watches somebody else', async () => {
  const alone = setUp({ WATCHDOG_USEC: '60000000' })
  alone.notifier.ready('online')
  await alone.clock.advanceAsync(120_000)
  assert.equal(alone.commands, [])
  const other = setUp({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '7' })
  other.notifier.ready('online')
  await other.clock.advanceAsync(120_000)
  assert.is(other.commands.length, 1)
})

test.run()
