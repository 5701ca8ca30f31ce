// The relay's short cut at XDP in a real kernel: when it is chosen, what it leaves to tc, and that nobody notices when the one
// takes over from the other. What it forwards is in relay-shortcut.lab.test.ts.

import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../../edge/drivers/command.ts'
import { removeShortcut, whyNoShortcut } from '../../edge/drivers/relay-shortcut.ts'
import type { Forwarder } from '../../edge/relay/forwarder.ts'
import { readXdp } from '../../edge/relay/shortcut-xdp.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { addNeighbour, asRelay, FOUR, four, type Neighbour, SIX, six, startRelay } from './relay-neighbours.fake.ts'
import { buildProgram, buildUdpLoad } from './udp-load.ts'
import { holds, waitFor } from './wait.ts'

const run = createRunner(memoryLog())
const BPFFS = '/sys/fs/bpf'
/** More than any of these senders sends. */
const UNREACHED = 1e9

function defineXdp(program: string): void {
  const xdp = suite('XDP')
  const directory = mkdtempSync(join(tmpdir(), 'hf-xdp-'))
  const load = buildUdpLoad(directory)
  const inject = buildProgram(join(import.meta.dirname, '../benchmark/inject.c'), directory)
  let left: Neighbour
  let right: Neighbour
  let forwarder: Forwarder

  const begin = async (): Promise<void> => {
    forwarder = startRelay(program, UNREACHED)
    await forwarder.start()
    await Promise.all([forwarder.set(four), forwarder.set(six)])
  }
  const standing = async () => {
    const all = readXdp(await run(program, ['relay', 'standing']))
    return [all.get('eth0'), all.get('eth1')]
  }
  const hang = (...devices: readonly string[]): Promise<string> =>
    run(program, ['relay', 'hang'], { input: devices.map((one) => `${one}\n`).join('') })
  const frames = (at: Neighbour, is: 'on' | 'off'): string => at.exec(inject, 'gro', 'eth0', is)
  /** The kernel lets go of a program a moment after its last pin. */
  const gone = () =>
    waitFor(
      'no program at XDP',
      async () => {
        const links = await run('ip', ['link', 'show'])
        return holds(!links.includes('xdp'), links)
      },
      { timeoutMs: 5_000 },
    )
  const arrived = (): number =>
    Number(/packets (\d+)/.exec(right.exec('nft', 'list', 'counter', 'inet', 'seen', 'six'))?.[1])
  /** Packets that the kernel made of frames, and sent to the right: XDP makes none. */
  const made = async (): Promise<number> =>
    Number(/(\d+) pkt/.exec(await run('tc', ['-s', 'qdisc', 'show', 'dev', 'eth1', 'root']))?.[1])
  const send = (packets: number): string => left.exec(load, 'six', 'fd98:1::1', String(SIX), '51820', String(packets))
  /** How many arrived of so many, and how many of these the kernel made packets of. */
  const carried = async (packets: number): Promise<readonly [number, number]> => {
    const before = [arrived(), await made()] as const
    send(packets)
    return [arrived() - before[0], (await made()) - before[1]]
  }

  xdp.before(async () => {
    left = await addNeighbour('eth0', 1)
    right = await addNeighbour('eth1', 2)
    frames(left, 'on')
    frames(right, 'on')
    const rule = `ip6 saddr fd98:2::1 ip6 hoplimit 63 udp sport ${SIX} udp dport 51820 counter name six;`
    right.exec(
      'nft',
      `table inet seen { counter six { }; chain in { type filter hook prerouting priority raw; ${rule} }; }`,
    )
    await run('tc', ['qdisc', 'add', 'dev', 'eth1', 'root', 'pfifo'])
    await begin()
    for (const to of ['10.98.1.2', '10.98.2.2', 'fd98:1::2', 'fd98:2::2']) await run('ping', ['-c', '1', '-W', '2', to])
  })
  xdp.after(() => {
    left.end()
    right.end()
    rmSync(directory, { recursive: true })
  })

  xdp('frames are sent on before the kernel makes packets of them, but for one of each end every 16 ms', async () => {
    assert.equal(await standing(), ['xdp', 'xdp'])
    const [all, packets] = await carried(5_000)
    assert.is(all, 5_000)
    assert.ok(packets >= 1 && packets < 500, `${packets} packets were made`)
  })

  xdp('sums that a sender left to its device are not touched: tc has these', async () => {
    const before = await made()
    left.exec(load, 'send', '10.98.1.1', String(FOUR), '51820', '1000', '0.1')
    const packets = (await forwarder.carried()).get(FOUR)?.packets[0] ?? 0
    const all = (await made()) - before
    assert.ok(packets > 1_000 && all >= packets, `${packets} were carried, ${all} made`)
    const errors = right.exec('sh', '-c', 'grep -h "^Udp: [0-9]" /proc/net/snmp').split(' ')
    assert.is(errors[6], '0', errors.join(' '))
  })

  xdp('a way out that takes no frames any more is not used; when it does again, it is', async () => {
    frames(right, 'off')
    // What is on its way when it is noticed is lost, a driver's batch at most.
    const [first] = await carried(500)
    assert.ok(first >= 500 - 64, `${first} of 500 arrived`)
    assert.equal(await carried(500), [500, 500])
    frames(right, 'on')
    await hang('eth0', 'eth1')
    const [all, packets] = await carried(2_000)
    assert.ok(all === 2_000 && packets < 500, `${packets} packets were made of ${all}`)
  })

  xdp('from nft to tc, to XDP and back, by process after process: nothing is lost', async () => {
    const before = arrived()
    // Where somebody has a filter, the qdisc stays. With the first and the last of them the kernel stops the device for a moment.
    const never = ['pref', '1', 'bpf', 'bytecode', '1,6 0 0 0']
    for (const device of ['eth0', 'eth1']) await run('tc', ['filter', 'add', 'dev', device, 'ingress', ...never])
    // Slow enough for the queue of a pair of devices, which holds 256, on a machine that does other things, too.
    const words = [load, 'six', 'fd98:1::1', String(SIX), '51820', '4000', '1000']
    const sent = { all: false }
    const sending = run('nsenter', ['--net', '-t', left.pid, ...words]).finally(() => {
      sent.all = true
    })
    let turns = 0
    while (!sent.all) {
      await removeShortcut(run)
      await begin()
      await hang()
      await hang('eth0', 'eth1')
      turns++
    }
    await sending
    for (const device of ['eth0', 'eth1']) await run('tc', ['filter', 'delete', 'dev', device, 'ingress', 'pref', '1'])
    assert.is(arrived() - before, 4_000)
    assert.ok(turns > 3, `${turns} turns`)
  })

  xdp('somebody else’s program stays, and tc has the packets', async () => {
    const pins = readdirSync(BPFFS).find((name) => name.startsWith('hf_relay_')) ?? ''
    // Links that nobody knows for ours any more.
    renameSync(join(BPFFS, pins), join(BPFFS, 'other'))
    await begin()
    assert.equal(await standing(), ['taken', 'taken'])
    await forwarder.cleanup()
    assert.match(await run('ip', ['link', 'show', 'eth0']), /xdp/)
    rmSync(join(BPFFS, 'other'), { recursive: true })
    await gone()
    await begin()
    assert.equal(await standing(), ['xdp', 'xdp'])
  })

  xdp('a device that goes down and comes back goes on with it; one whose driver has none has tc', async () => {
    await run('ip', ['link', 'set', 'eth1', 'down'])
    await run('ip', ['link', 'set', 'eth1', 'up'])
    await run('ip', ['address', 'add', 'fd98:2::1/64', 'dev', 'eth1', 'nodad'])
    await run('ping', ['-c', '1', '-W', '2', 'fd98:2::2'])
    const [all, packets] = await carried(2_000)
    assert.ok(all === 2_000 && packets < 500, `${packets} packets were made of ${all}`)
    await run('ip', ['link', 'add', 'br0', 'type', 'bridge'])
    assert.match(await hang('br0', 'eth0', 'eth1'), /^br0 no-driver$/m)
  })

  xdp('cleaning up takes it away', async () => {
    await forwarder.cleanup()
    await gone()
  })

  xdp.run()
}

await asRelay(import.meta.url, async (program) => {
  const why = await whyNoShortcut(run, program)
  if (why === undefined) defineXdp(program)
  else process.stdout.write(`skip: ${why}\n`)
})
