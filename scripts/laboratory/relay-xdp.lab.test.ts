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
import { parseAddress } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { arp, extension, frame4, frame6, UDP, udp } from './frames.fake.ts'
import { addNeighbour, asRelay, FOUR, four, type Neighbour, SIX, six, startRelay } from './relay-neighbours.fake.ts'
import { buildProgram, buildUdpLoad } from './udp-load.ts'
import { holds, waitFor } from './wait.ts'

const run = createRunner(memoryLog())
const BPFFS = '/sys/fs/bpf'
/** More than any of these senders sends. */
const UNREACHED = 1e9

const FROM4 = { from: parseAddress('10.98.1.2'), to: parseAddress('10.98.1.1'), protocol: UDP }
const FROM6 = { from: parseAddress('fd98:1::2'), to: parseAddress('fd98:1::1'), protocol: UDP }

/** Of what stands from `at` on, in words of 16 bits; not turned around. */
function sum(bytes: Uint8Array, at: number, end = bytes.length): number {
  let out = 0
  for (let i = at; i < end; i += 2) out += ((bytes[i] ?? 0) << 8) + (i + 1 < end ? (bytes[i + 1] ?? 0) : 0)
  while (out > 0xffff) out = (out & 0xffff) + (out >> 16)
  return out
}

/** The frame with the sums of IPv4 and UDP, or with what a sender leaves whose device makes them: that of the pseudo header. */
function summed(frame: Buffer, what: 'whole' | 'pseudo' = 'whole'): Buffer {
  const out = Buffer.from(frame)
  const [addresses, at] = out.readUInt16BE(12) === 0x0800 ? [26, 34] : [22, 54]
  out.writeUInt16BE(0, at + 6)
  if (at === 34) out.writeUInt16BE(0, 24)
  if (at === 34) out.writeUInt16BE(~sum(out, 14, 34) & 0xffff, 24)
  const pseudo = sum(out, addresses, at) + UDP + out.readUInt16BE(at + 4)
  const all = what === 'whole' ? pseudo + sum(out, at) : pseudo
  const folded = (all & 0xffff) + (all >> 16)
  out.writeUInt16BE(what === 'whole' ? ~folded & 0xffff : folded, at + 6)
  return out
}

/** The frame with one of its bytes changed. */
function changed(frame: Buffer, at: number, to: number): Buffer {
  const out = Buffer.from(frame)
  out[at] = to
  return out
}

/** Frames from the left, and what tc and XDP do with them. `same`: both send the same. */
function frames(): readonly (readonly [what: string, frame: Buffer, 'same' | 'tc' | 'neither'])[] {
  const body = (bytes: number, port = FOUR): Buffer => udp(51_820, port, bytes)
  const whole4 = summed(frame4({ ...FROM4, payload: body(100) }))
  const whole6 = summed(frame6({ ...FROM6, payload: body(100, SIX) }))
  const words = Buffer.concat([body(4), Buffer.alloc(0)])
  words.writeUInt32BE(0xf0687201, 8)
  return [
    ['whole', whole4, 'same'],
    ['of odd length', summed(frame4({ ...FROM4, payload: body(77) })), 'same'],
    ['without a sum', changed(changed(whole4, 40, 0), 41, 0), 'same'],
    ['of a class', summed(changed(whole4, 15, 0xb8)), 'same'],
    ['marked for congestion', summed(changed(whole4, 15, 3)), 'same'],
    ['with a sum still to be made', summed(whole4, 'pseudo'), 'tc'],
    ['UDP shorter than the packet', changed(whole4, 39, 100), 'tc'],
    ['at its last hop', changed(whole4, 22, 1), 'neither'],
    ['a fragment', summed(frame4({ ...FROM4, payload: body(100) }, { more: true })), 'neither'],
    ['with options', frame4({ ...FROM4, payload: body(100) }, { options: Buffer.from([1, 1, 1, 0]) }), 'neither'],
    ['a word to the relay', summed(frame4({ ...FROM4, payload: words })), 'neither'],
    ['from a stranger', summed(frame4({ ...FROM4, payload: udp(51_821, FOUR, 100) })), 'neither'],
    ['padded', Buffer.concat([whole4, Buffer.alloc(2)]), 'neither'],
    ['cut', whole4.subarray(0, 60), 'neither'],
    ['too big for the way out', summed(frame4({ ...FROM4, payload: body(1_480) })), 'neither'],
    ['for another link address', whole4, 'neither'],
    [
      'of a VLAN',
      Buffer.concat([whole4.subarray(0, 12), Buffer.from([0x81, 0, 0, 7]), whole4.subarray(12)]),
      'neither',
    ],
    ['ARP', arp, 'neither'],
    ['whole, of IPv6', whole6, 'same'],
    ['with a flow label', changed(whole6, 17, 0x55), 'same'],
    ['IPv6 with a sum still to be made', summed(whole6, 'pseudo'), 'tc'],
    ['IPv6 without a sum', changed(changed(whole6, 60, 0), 61, 0), 'neither'],
    ['IPv6 at its last hop', changed(whole6, 21, 1), 'neither'],
    ['IPv6 with an extension', frame6({ ...FROM6, protocol: 0, payload: extension(UDP, body(100, SIX)) }), 'neither'],
  ]
}

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
  const takeFrames = (at: Neighbour, is: 'on' | 'off'): string => at.exec(inject, 'gro', 'eth0', is)
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
  /** Packets that the kernel made of frames, and sent to the right, or could not send as fast: XDP makes none. */
  const made = async (): Promise<number> => {
    const found = /(\d+) pkt \(dropped (\d+)/.exec(await run('tc', ['-s', 'qdisc', 'show', 'dev', 'eth1', 'root']))
    return Number(found?.[1]) + Number(found?.[2])
  }
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
    takeFrames(left, 'on')
    takeFrames(right, 'on')
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

  xdp('what it sends is what tc sends, and what it knows nothing of it leaves', async () => {
    const link = Buffer.from((await run('cat', ['/sys/class/net/eth0/address'])).trim().replaceAll(':', ''), 'hex')
    const all = frames()
    const line = (frame: Buffer, to: Buffer): string => `${Buffer.concat([to, frame.subarray(6)]).toString('hex')}\n`
    const elsewhere = changed(link, 5, (link[5] ?? 0) ^ 1)
    const wholes = all.flatMap(([what, frame]) => (what.startsWith('whole') ? [line(frame, link)] : [])).join('')
    // With whole ones before each, so that a way is remembered, and it is for what it is that XDP leaves it.
    const input = all.map(([what, frame]) => wholes + line(frame, what.includes('link address') ? elsewhere : link))
    const lines = (await run(program, ['relay', 'test', 'eth0'], { input: input.join('') })).trim().split('\n')
    const said = lines.filter((_, i) => i % 6 >= 4)
    const found = all.map(([what], i) => {
      const [tc = '', quick = ''] = said.slice(2 * i)
      const [, byTc, one] = tc.split(' ')
      const [, byXdp, other] = quick.split(' ')
      const who = byTc === 'sends' ? (byXdp === 'sends' ? 'both' : 'tc') : 'neither'
      return [what, who === 'both' && one === other ? 'same' : who === 'neither' && byXdp === 'sends' ? 'XDP' : who]
    })
    assert.equal(
      found,
      all.map(([what, , who]) => [what, who]),
    )
    // Sums hold: they are zero over what they cover.
    for (const [i, [what, , who]] of all.entries()) {
      const sent = Buffer.from((said[2 * i + 1] ?? '').split(' ')[2] ?? '', 'hex')
      if (who !== 'same' || what === 'without a sum') continue
      const [addresses, at] = sent.readUInt16BE(12) === 0x0800 ? [26, 34] : [22, 54]
      const pseudo = sum(sent, addresses, at) + UDP + sent.readUInt16BE(at + 4) + sum(sent, at)
      assert.is((pseudo & 0xffff) + (pseudo >> 16), 0xffff, what)
      if (at === 34) assert.is(sum(sent, 14, 34), 0xffff, what)
    }
  })

  xdp('sums that a sender left to its device are not touched: tc has these', async () => {
    const forwarded = async (): Promise<number> => (await forwarder.carried()).get(FOUR)?.packets[0] ?? 0
    const before = [await forwarded(), await made()] as const
    left.exec(load, 'send', '10.98.1.1', String(FOUR), '51820', '1000', '0.1')
    const [packets, all] = [(await forwarded()) - before[0], (await made()) - before[1]]
    assert.ok(packets > 1_000 && all >= packets, `${packets} were carried, ${all} made`)
    const errors = right.exec('sh', '-c', 'grep -h "^Udp: [0-9]" /proc/net/snmp').split(' ')
    assert.is(errors[6], '0', errors.join(' '))
  })

  xdp('a way out that takes no frames any more is not used; when it does again, it is', async () => {
    takeFrames(right, 'off')
    // What is on its way when it is noticed is lost, a driver's batch at most.
    const [first] = await carried(500)
    assert.ok(first >= 500 - 64, `${first} of 500 arrived`)
    // The kernel sends what it likes of its own besides, such as probes of its neighbours.
    const [then, byTc] = await carried(500)
    assert.ok(then === 500 && byTc >= 500, `${byTc} packets were made of ${then}`)
    takeFrames(right, 'on')
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
