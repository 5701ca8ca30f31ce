// Which interfaces are led into a network namespace, and when.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { parseAttached } from '../host/networks.ts'
import { attachSteps, createAttaching } from './attach.ts'

const link = (ifname: string, up: boolean, ...addresses: readonly string[]): object => ({
  ifname,
  flags: up ? ['UP'] : [],
  addr_info: addresses.map((one) => ({
    local: one.split('/')[0],
    prefixlen: Number(one.split('/')[1]),
    scope: 'global',
  })),
})
const printed = (...links: readonly object[]): string => JSON.stringify(links)
const lo = link('lo', true)
const wanted = ['eth1=192.168.77.1/24+fd77::1/64', 'eth2'].map(parseAttached)

test('led in as it comes, then given its addresses, then up, then left alone', () => {
  const outside = printed(lo, link('eth0', true, '10.0.0.2/24'), link('eth1', true, '10.9.0.2/24'))
  assert.equal(attachSteps(wanted, outside, printed(lo), 'hf-blue'), {
    outside: [['link', 'set', 'dev', 'eth1', 'netns', 'hf-blue']],
    inside: [],
    missing: ['eth2'],
  })
  const moved = attachSteps(wanted, printed(lo), printed(lo, link('eth1', false, 'fd77::1/64')), 'hf-blue')
  assert.equal(moved.inside, [
    ['address', 'replace', '192.168.77.1/24', 'dev', 'eth1'],
    ['link', 'set', 'dev', 'eth1', 'up'],
  ])
  const whole = printed(lo, link('eth1', true, '192.168.77.1/24', 'fd77::1/64'), link('eth2', true))
  assert.equal(attachSteps(wanted, printed(lo), whole, 'hf-blue'), { outside: [], inside: [], missing: [] })
})

test('one that is refused is said, and tried again', async () => {
  const lines: LogLine[] = []
  const log = memoryLog(lines)
  const attaching = createAttaching({
    wanted,
    to: 'hf-blue',
    outside: async () => {
      throw new Error('RTNETLINK answers: Operation not permitted')
    },
    inside: async () => '',
    log,
  })
  const outside = printed(link('eth1', true), link('eth2', true))
  assert.not(await attaching.follow(outside, printed(lo)), 'nothing has changed')
  const refused = lines.filter(({ message }) => message.includes('not the network’s yet'))
  assert.is(refused.length, 2)
  assert.ok(await attaching.follow(printed(lo), printed(lo, link('eth1', false), link('eth2', true))))
})

test('one that is nowhere is said once', async () => {
  const lines: LogLine[] = []
  const log = memoryLog(lines)
  const attaching = createAttaching({ wanted, to: 'hf-blue', outside: async () => '', inside: async () => '', log })
  for (let i = 0; i < 3; i++) await attaching.follow(printed(lo), printed(lo))
  assert.is(lines.filter(({ message }) => message.includes('no such interface')).length, 1)
})

test.run()
