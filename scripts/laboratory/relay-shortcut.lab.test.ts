// The relay's short cut in a real kernel: it holds to what every forwarder must do, and packets that take it arrive as those
// that nft forwards. This host is the relay, in a namespace of its own: this file runs itself again in one.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../../edge/drivers/command.ts'
import { removeShortcut, whyNoShortcut } from '../../edge/drivers/relay-shortcut.ts'
import { defineForwarderConformance } from '../../edge/relay/conformance.fake.ts'
import type { Forwarder } from '../../edge/relay/forwarder.ts'
import { readShortcut } from '../../edge/relay/shortcut.ts'
import { readXdp } from '../../edge/relay/shortcut-xdp.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import {
  addNeighbour,
  asRelay,
  FOUR,
  four,
  type Neighbour,
  SIX,
  six,
  startRelay as start,
} from './relay-neighbours.fake.ts'
import { buildProgram, buildUdpLoad } from './udp-load.ts'

const run = createRunner(memoryLog())

function defineConformance(program: string): void {
  const table = async (): Promise<void> => void (await run('nft', ['delete', 'table', 'inet', 'holdfast_relay']))
  const shortcut = (): Promise<void> => removeShortcut(run)
  const both = async (): Promise<void> => {
    await table()
    await shortcut()
  }
  for (const sabotage of [table, shortcut, both]) {
    defineForwarderConformance(test, async () => ({ start: () => start(program), sabotage }))
  }
}

/** Whether what follows is carried at XDP, too, which takes other ends of the devices that are ready for frames. */
function defineTraffic(program: string, hook: 'tc' | 'XDP'): void {
  const traffic = suite(`traffic at ${hook}`)
  const directory = mkdtempSync(join(tmpdir(), 'hf-shortcut-'))
  const load = buildUdpLoad(directory)
  const inject = buildProgram(join(import.meta.dirname, '../benchmark/inject.c'), directory)
  let left: Neighbour
  let right: Neighbour
  let forwarder: Forwarder

  /** Packets that took the short cut from the left. */
  const short = async (port: number): Promise<number> => {
    const ends = readShortcut(await run(program, ['relay', 'list']))
    return (
      [...ends].find(([key]) => /^(?:10\.98\.1\.2|fd98:1::2) /.test(key) && key.endsWith(` ${port}`))?.[1].packets ?? 0
    )
  }
  const arrived = (name: string): number =>
    Number(/packets (\d+)/.exec(right.exec('nft', 'list', 'counter', 'inet', 'seen', name))?.[1])
  const sumErrors = (): string =>
    right.exec('sh', '-c', 'grep -hE "^(Udp: [0-9]|Udp6InCsumErrors)" /proc/net/snmp /proc/net/snmp6')
  const junk = (): void =>
    void left.exec(load, 'junk', '10.98.1.1', String(FOUR), '0.5', '4000', '-', '10.98.1.2', '51820')
  const known = async (): Promise<void> => {
    // A packet for a neighbour that is not known yet goes by the table, which asks for it.
    for (const to of ['10.98.1.2', '10.98.2.2', 'fd98:1::2', 'fd98:2::2']) await run('ping', ['-c', '1', '-W', '2', to])
  }

  traffic.before(async () => {
    left = await addNeighbour('eth0', 1)
    right = await addNeighbour('eth1', 2)
    if (hook === 'XDP') for (const { exec } of [left, right]) exec(inject, 'gro', 'eth0', 'on')
    const rules = [
      'counter four { }; counter six { }; chain in { type filter hook prerouting priority raw;',
      `ip saddr 10.98.2.1 ip ttl 63 udp sport ${FOUR} udp dport 51820 counter name four;`,
      `ip6 saddr fd98:2::1 ip6 hoplimit 63 udp sport ${SIX} udp dport 51820 counter name six; };`,
    ]
    right.exec('nft', `table inet seen { ${rules.join(' ')} }`)
    forwarder = start(program)
    await forwarder.start()
    await Promise.all([forwarder.set(four), forwarder.set(six)])
    await known()
  })
  traffic.after(async () => {
    left.end()
    right.end()
    rmSync(directory, { recursive: true })
  })

  traffic('programs hang where they are of use', async () => {
    const standing = readXdp(await run(program, ['relay', 'standing']))
    const state = hook === 'XDP' ? 'xdp' : 'no-frames'
    assert.equal([standing.get('eth0'), standing.get('eth1')], [state, state])
  })

  traffic('packets of both families arrive from the relay, one hop older, with sums that hold', async () => {
    junk()
    left.exec(load, 'six', 'fd98:1::1', String(SIX), '51820', '500')
    assert.ok((await short(FOUR)) > 100, `${await short(FOUR)} took the short cut`)
    assert.is(await short(SIX), 500)
    assert.is(arrived('six'), 500)
    assert.ok(arrived('four') >= (await short(FOUR)))
    // Nobody listens there: who is counted as one without a port was summed before.
    const [, , noPorts = 0, , , , inCsumErrors] = (sumErrors().split('\n')[0] ?? '').split(' ').map(Number)
    assert.ok(noPorts >= (await short(FOUR)), sumErrors())
    assert.is(inCsumErrors, 0)
    assert.match(sumErrors(), /Udp6InCsumErrors\s+0\b/)
  })

  traffic('what both forward is counted as one, and junk is not', async () => {
    const carried = await forwarder.carried()
    const [packets = 0] = carried.get(FOUR)?.packets ?? []
    assert.ok(packets >= (await short(FOUR)) && packets <= arrived('four'), `${packets}, ${arrived('four')} arrived`)
    assert.equal(carried.get(SIX)?.packets, [500, 0])
    assert.is(carried.get(SIX)?.bytes[0], 500 * (40 + 104))
  })

  traffic('the next process goes on where the last one was, and none is needed', async () => {
    const before = await short(FOUR)
    const pins = readdirSync('/sys/fs/bpf').filter((name) => name.startsWith('hf_'))
    // Of a version before.
    mkdirSync(`/sys/fs/bpf/${pins[0]?.replace(/\d+/, '0')}`)
    const next = start(program)
    assert.equal((await next.start()).length, 2)
    assert.equal(
      readdirSync('/sys/fs/bpf').filter((name) => name.startsWith('hf_')),
      pins,
    )
    assert.is(await short(FOUR), before)
    junk()
    assert.ok((await short(FOUR)) > before)
    forwarder = next
  })

  traffic('an end that is gone is forwarded no more, nor is what comes from elsewhere', async () => {
    await forwarder.set({ ...six, ends: [six.ends[0], undefined] })
    const before = arrived('six')
    left.exec(load, 'six', 'fd98:1::1', String(SIX), '51820', '50')
    assert.is(arrived('six'), before)
    await forwarder.set(six)
    left.exec(load, 'six', 'fd98:1::1', String(SIX), '40000', '50')
    assert.is(arrived('six'), before)
    left.exec(load, 'six', 'fd98:1::1', String(SIX), '51820', '50')
    assert.is(arrived('six'), before + 50)
  })

  traffic('a way that was remembered is not kept: link addresses and sizes are as they are now', async () => {
    const sendSix = (): string => left.exec(load, 'six', 'fd98:1::1', String(SIX), '51820', '50')
    const sendFour = (): string => left.exec(load, 'send', '10.98.1.1', String(FOUR), '51820', '1300', '0.1')
    sendSix()
    const before = [arrived('six'), await short(SIX)] as const
    right.exec('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:99')
    await run('ip', ['neighbour', 'flush', 'dev', 'eth1'])
    await known()
    sendSix()
    assert.equal([arrived('six'), await short(SIX)], [before[0] + 50, before[1] + 50])
    sendFour()
    const large = await short(FOUR)
    sendFour()
    assert.ok((await short(FOUR)) > large)
    await run('ip', ['link', 'set', 'eth1', 'mtu', '1280'])
    await run('sleep', ['0.1'])
    const larger = await short(FOUR)
    sendFour()
    assert.is(await short(FOUR), larger)
    sendSix()
    assert.is(await short(SIX), before[1] + 100)
    await run('ip', ['link', 'set', 'eth1', 'mtu', '1500'])
  })

  traffic('an end gets its rate and no more', async () => {
    const slow = start(program, 200_000)
    await slow.start()
    const [before, droppedBefore] = [await short(SIX), await slow.dropped()]
    left.exec(load, 'six', 'fd98:1::1', String(SIX), '51820', '5000')
    // The burst of 64 KiB, and what the rate lets pass meanwhile.
    const passed = (await short(SIX)) - before
    assert.ok(passed > 300 && passed < 2_500, `${passed} of 5000 passed`)
    assert.is((await slow.dropped()) - droppedBefore, 5_000 - passed)
    forwarder = slow
  })

  traffic('without the short cut the table has the packets, and gives them back', async () => {
    const all = start(program)
    await all.start()
    await removeShortcut(run)
    const before = arrived('six')
    left.exec(load, 'six', 'fd98:1::1', String(SIX), '51820', '100')
    assert.is(arrived('six'), before + 100)
    await all.set({ ...four, ends: [four.ends[0], undefined] })
    left.exec(load, 'six', 'fd98:1::1', String(SIX), '51820', '100')
    assert.is(await short(SIX), 100)
    forwarder = all
  })

  traffic('cleaning up leaves the devices and the file system of pins as they were', async () => {
    await forwarder.cleanup()
    assert.not.match(await run('tc', ['qdisc', 'show']), /clsact/)
    assert.equal(
      readdirSync('/sys/fs/bpf').filter((name) => name.startsWith('hf_')),
      [],
    )
    assert.not.match(await run('nft', ['list', 'tables']), /holdfast_relay/)
  })

  traffic.run()
}

await asRelay(import.meta.url, async (program) => {
  const why = await whyNoShortcut(run, program)
  if (why !== undefined) return void process.stdout.write(`skip: ${why}\n`)
  defineConformance(program)
  test.run()
  defineTraffic(program, 'tc')
  defineTraffic(program, 'XDP')
})
