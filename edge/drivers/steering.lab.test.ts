// The real `ip` as the driver of steering, in a network namespace of its own: this file runs itself again in one.

import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { defineSteeringConformance } from '../uplinks/conformance.fake.ts'
import { type SteeringWish, steeringOf } from '../uplinks/steering.ts'
import { createRunner } from './command.ts'
import { createSteeringDriver } from './steering.ts'

const INSIDE = 'HOLDFAST_LAB_INSIDE'
const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8' })
const start = () => createSteeringDriver(createRunner(memoryLog()))

/** Two uplinks; Ethernet is preferred by the host. */
function lay(): void {
  for (const name of ['eth0', 'wwan0']) {
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`)
    for (const one of [name, `${name}-far`]) ip('link', 'set', one, 'up')
  }
  ip('address', 'add', '192.0.2.10/24', 'dev', 'eth0')
  ip('address', 'add', '198.51.100.7/24', 'dev', 'wwan0')
  ip('-6', 'address', 'add', '2001:db8:1::10/64', 'dev', 'eth0', 'nodad')
  ip('-6', 'address', 'add', '2001:db8:2::7/64', 'dev', 'wwan0', 'nodad')
  ip('route', 'add', 'default', 'via', '192.0.2.1', 'dev', 'eth0', 'metric', '100')
  ip('route', 'add', 'default', 'dev', 'wwan0', 'metric', '200')
  ip('route', 'add', '10.9.0.0/16', 'via', '192.0.2.2', 'dev', 'eth0')
  ip('rule', 'add', 'pref', '7272', 'from', '192.0.2.77', 'lookup', 'main')
}

function wayOf(to: string, ...more: readonly string[]): string {
  return /dev (\S+)/.exec(ip('route', 'get', to, ...more))?.[1] ?? ''
}

function defineInside(): void {
  lay()
  defineSteeringConformance(test, async () => {
    await start().cleanup()
    return { start }
  })

  const wish: SteeringWish = {
    uplinks: [
      { interface: 'eth0', gateway: parseAddress('192.0.2.1'), address: parseAddress('192.0.2.10'), probePort: 40_001 },
      { interface: 'wwan0', address: parseAddress('198.51.100.7'), probePort: 40_002 },
    ],
    chosen: 'wwan0',
    ports: [51_820],
    contacts: [{ address: parseAddress('203.0.113.1'), port: 8_443 }],
  }
  const udp = (port: number): readonly string[] => ['ipproto', 'udp', 'sport', String(port)]

  test('networks of one host are steered apart, and one that goes leaves the others', async () => {
    const second = createSteeringDriver(createRunner(memoryLog()), 1)
    const other: SteeringWish = { ...wish, chosen: 'eth0', ports: [51_840] }
    await start().set(4, steeringOf(wish))
    await second.set(4, steeringOf(other))
    assert.equal(await start().read(4), steeringOf(wish))
    assert.equal(await second.read(4), steeringOf(other))
    assert.is(wayOf('203.0.113.9', ...udp(51_820)), 'wwan0')
    assert.is(wayOf('203.0.113.9', ...udp(51_840)), 'eth0')
    await second.cleanup()
    assert.equal(await start().read(4), steeringOf(wish))
    assert.not(ip('rule', 'show').includes('737'))
    await start().cleanup()
  })

  test('what is ours goes by the chosen uplink, and everything else where it went', async () => {
    await start().set(4, steeringOf(wish))
    assert.is(wayOf('203.0.113.9', ...udp(51_820)), 'wwan0')
    assert.match(ip('route', 'get', '203.0.113.9', ...udp(51_820)), /src 198\.51\.100\.7/)
    assert.is(wayOf('192.0.2.20', ...udp(51_820)), 'eth0', 'a neighbour')
    assert.is(wayOf('10.9.1.1', ...udp(51_820)), 'eth0', 'a route of the host')
    assert.is(wayOf('203.0.113.9'), 'eth0')
    assert.is(wayOf('203.0.113.9', ...udp(53)), 'eth0')
    assert.is(wayOf('203.0.113.1', 'ipproto', 'tcp', 'dport', '8443'), 'eth0', 'not bound to the uplink')
    await start().cleanup()
    assert.is(wayOf('203.0.113.9', ...udp(51_820)), 'eth0')
  })

  test('sockets at the address of an uplink go by it, whichever is chosen', async () => {
    await start().set(4, steeringOf({ ...wish, chosen: undefined }))
    const from = (address: string, ...more: readonly string[]): string => wayOf('203.0.113.1', 'from', address, ...more)
    assert.is(from('198.51.100.7', ...udp(40_002)), 'wwan0')
    assert.is(from('192.0.2.10', ...udp(40_001)), 'eth0')
    assert.is(from('198.51.100.7', 'ipproto', 'tcp', 'dport', '8443'), 'wwan0')
    assert.is(from('198.51.100.7', 'ipproto', 'tcp', 'dport', '22'), 'eth0', 'no business of ours')
    await start().cleanup()
  })

  test('rules of others are left alone', async () => {
    await start().set(4, steeringOf(wish))
    await start().cleanup()
    assert.match(ip('rule'), /7272:\s+from 192\.0\.2\.77 lookup main/)
    assert.is(
      ip('rule')
        .split('\n')
        .filter((line) => line.startsWith('72')).length,
      1,
    )
    assert.is(ip('route', 'show', 'table', 'all').includes('table 727'), false)
  })

  test('an uplink that is gone takes nothing with it', async () => {
    await start().set(4, steeringOf(wish))
    const other = { interface: 'gone0', address: parseAddress('198.51.100.9'), probePort: 40_003 }
    let refused = false
    await start()
      .set(4, steeringOf({ ...wish, uplinks: [...wish.uplinks, other] }))
      .catch(() => void (refused = true))
    assert.ok(refused)
    assert.is(wayOf('203.0.113.9', ...udp(51_820)), 'wwan0')
    await start().cleanup()
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
