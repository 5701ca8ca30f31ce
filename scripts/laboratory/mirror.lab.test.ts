// The mirror in a real kernel: who reads at the other end sees whole Ethernet frames of what was selected and of nothing else,
// and who talks through the mesh notices nothing, whatever becomes of the copies.

import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../../edge/drivers/command.ts'
import { createMirrorDriver } from '../../edge/drivers/mirror.ts'
import type { MirrorDriver, MirrorPackets } from '../../edge/mirror/doors.ts'
import { type MirrorTable, renderMirrorTable } from '../../edge/plan/nft-mirror.ts'
import { parseCidr } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { count, coveredBytes, read } from './mirror-frames.fake.ts'
import { FAR, HERE, type MirrorRig, openMirrorRig, type Seen, sh } from './mirror-rig.fake.ts'
import { testInOwnNamespace } from './own-namespace.ts'
import { holds, waitFor } from './wait.ts'

/** Of ICMP in either family: echo requests and replies. */
const PING = 1
const PING6 = 58
const TCP = 6
const PORT = 7_001
const SENT_BYTES = 4_000_000
const UNREACHED = 200_000

const table: MirrorTable = {
  interface: 'hf0',
  to: 'ids0',
  blocks: [parseCidr(`${FAR[4]}/32`), parseCidr(`${FAR[6]}/128`)],
  services: [],
  packetsPerS: UNREACHED,
  untilS: 4_000_000_000,
}

/** Of the answer to `ping`. */
const lost = (text: string): string => /(\d+)% packet loss/.exec(text)?.[1] ?? text
const ping = (to: string, times: number): string =>
  execFileSync('ping', ['-q', '-i', '0.01', '-c', String(times), to], { encoding: 'utf8' })

/** TCP to the other end; returns how many bytes arrived there. */
async function transfer(): Promise<number> {
  const script = `let n = 0
    require('net').createServer((s) => s.on('data', (b) => (n += b.length)).on('end', () => { console.log(n); process.exit() }))
      .listen(${PORT}, '${FAR[4]}', () => console.log('ready'))`
  const far = spawn('ip', ['netns', 'exec', 'far', process.execPath, '-e', script])
  let said = ''
  far.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(far.stdout, 'data')
  const send = `require('net').connect(${PORT}, '${FAR[4]}').end(Buffer.alloc(${SENT_BYTES}, 7))`
  await Promise.all([once(far, 'close'), promisify(execFile)(process.execPath, ['-e', send])])
  return Number(said.replace('ready', ''))
}

function defineTests(rig: MirrorRig): void {
  const test = suite('mirror')
  let driver: MirrorDriver = createMirrorDriver(createRunner(memoryLog()), rig.program)
  const keep = (changes: Partial<MirrorTable> = {}): Promise<MirrorPackets> => {
    const wanted = { ...table, ...changes }
    return driver.keep({ interface: wanted.interface, to: wanted.to, ruleset: renderMirrorTable(wanted) })
  }
  const refusal = async (to = 'ids0'): Promise<string> => {
    const error = await keep({ to }).then(
      () => 'taken',
      (reason: unknown) => reason,
    )
    const code = (['not-found', 'forbidden', 'conflict'] as const).find((one) => isHoldfastError(error, one))
    return `${code}: ${error instanceof Error ? error.message : String(error)}`
  }
  /** All that were copied have been read. */
  const drained = async (packets: () => Promise<MirrorPackets>): Promise<readonly Seen[]> => {
    const all: Seen[] = []
    await waitFor(
      'every copy is read',
      async () => {
        all.push(...rig.frames())
        const { copied } = await packets()
        const mine = all.filter(({ head }) => head.readUInt8(0) === 2).length
        return holds(mine >= copied, `${mine} of ${copied}`)
      },
      { timeoutMs: 10_000 },
    )
    return all
  }
  const copies = async (): Promise<void> => {
    rig.frames()
    ping(FAR[4], 2)
    await waitFor(
      'there are copies',
      async () => {
        const found = rig.frames().map(read)
        return holds(
          found.some((one) => one?.protocol === PING),
          `${found.length} frames`,
        )
      },
      { timeoutMs: 10_000 },
    )
  }

  test('both directions and both families, as whole frames', async () => {
    assert.equal(await keep(), { copied: 0, spared: 0 })
    assert.is(lost(ping(FAR[4], 5) + ping(FAR[6], 0 + 5)), '0')
    const frames = (await drained(keep)).filter(({ head }) => head.readUInt8(0) === 2)
    const packets = frames.map(read)
    assert.ok(
      !packets.includes(undefined),
      frames.map(({ bytes, head }) => `${bytes} ${head.toString('hex')}`).join('\n'),
    )
    for (const [family, protocol] of [
      [4, PING],
      [6, PING6],
    ] as const) {
      for (const out of [true, false]) assert.ok(count(packets, family, out, protocol) >= 5, `${family} ${out}`)
    }
  })

  test('frames that the interface sends itself stay as they are', async () => {
    rig.frames()
    sh('ip -6 address add fe80::7/64 dev ids0 nodad')
    // Nobody answers.
    spawnSync('ping', ['-q', '-c', '1', '-W', '1', '-I', 'fe80::7%ids0', 'ff02::1%ids0'])
    await waitFor(
      'the frame is there',
      async () => {
        const own = rig.frames().filter(({ head }) => head.subarray(0, 6).toString('hex') === '333300000001')
        const right = own.some(({ head }) => head.readUInt16BE(12) === 0x86dd && head.readUInt8(20) === PING6)
        return holds(right, own.map(({ head }) => head.toString('hex')).join('\n'))
      },
      { timeoutMs: 10_000 },
    )
  })

  test('of a selected service all, also what the kernel sends as one and cuts later; of others nothing', async () => {
    await keep({ services: [{ protocol: 'TCP', port: PORT }] })
    rig.frames()
    ping(FAR[4], 3)
    assert.is(await transfer(), SENT_BYTES)
    const frames = await drained(() => keep({ services: [{ protocol: 'TCP', port: PORT }] }))
    const packets = frames.filter(({ head }) => head.readUInt8(0) === 2).map(read)
    const known = packets.filter((one) => one !== undefined)
    assert.is(known.length, packets.length)
    assert.ok(
      known.every(
        ({ destinationPort, protocol, sourcePort }) => protocol === TCP && [destinationPort, sourcePort].includes(PORT),
      ),
    )
    assert.is(coveredBytes(known.filter(({ out }) => out)), SENT_BYTES)
    assert.ok(known.some(({ out }) => !out))
  })

  test('of those who are not selected nothing, and of nobody where nobody is left', async () => {
    for (const blocks of [[parseCidr('10.99.0.77/32')], []]) {
      await keep({ blocks })
      ping(FAR[4], 3)
      assert.equal(await keep({ blocks }), { copied: 0, spared: 0 })
    }
  })

  test('no more than the rate, and the rest is counted', async () => {
    const slow = { packetsPerS: 20 }
    await keep(slow)
    const began = process.hrtime.bigint()
    assert.is(lost(ping(FAR[4], 150)), '0')
    const seconds = Number(process.hrtime.bigint() - began) / 1e9
    const { copied, spared } = await keep(slow)
    assert.is(copied + spared, 300)
    assert.ok(copied >= 20 && copied <= 20 * (seconds + 1) + 2, `${copied} in ${seconds} s`)
  })

  test('nothing from its end on, by the kernel’s own clock', async () => {
    const past = { untilS: 1_000_000_000 }
    await keep(past)
    ping(FAR[4], 3)
    assert.equal(await keep(past), { copied: 0, spared: 0 })
  })

  test('whatever becomes of the interface, the mesh loses nothing, and copies come back with it', async () => {
    await keep()
    const words = ['-q', '-i', '0.01', '-c', '400', FAR[4]]
    const talk = promisify(execFile)('ping', words)
    await copies()
    sh('ip link set ids0 down')
    assert.match(await refusal(), /^conflict: .*is down/)
    sh('ip link set ids0 up')
    await keep()
    await copies()
    sh('ip link del ids0')
    assert.match(await refusal(), /^not-found/)
    await rig.layTarget()
    await keep()
    await copies()
    // Read by nobody: the other end is down.
    sh('ip netns exec ids ip link set ids1 down')
    await keep()
    sh('ip netns exec ids ip link set ids1 up')
    assert.is(lost((await talk).stdout), '0')
  })

  test('what somebody takes away or changes is put back', async () => {
    for (const sabotage of [
      'nft flush ruleset',
      'nft flush chain netdev holdfast_mirror copy',
      'tc qdisc del dev ids0 clsact',
      'tc filter del dev ids0 egress',
    ]) {
      sh(sabotage)
      await keep()
      await copies()
    }
    const { copied } = await keep()
    assert.ok(copied > 0, 'it is left alone while it stands')
  })

  test('the next process goes on with it, and with a mesh that came anew', async () => {
    driver = createMirrorDriver(createRunner(memoryLog()), rig.program)
    await keep()
    await copies()
    sh('ip link del hf0')
    assert.match(await refusal(), /^not-found: there is no hf0/)
    rig.layMesh()
    await keep()
    await copies()
  })

  test('a mesh that came anew unseen is followed, too', async () => {
    sh('ip link del hf0')
    rig.layMesh()
    await keep()
    await copies()
  })

  test('not to where it could leave this host', async () => {
    for (const [what, why] of [
      ['ip address add 203.0.113.7/24 dev ids0', /^forbidden: ids0 has the address/],
      ['ip -6 address add 2001:db8::7/64 dev ids0', /^forbidden: ids0 has the address/],
      ['ip route add 203.0.113.0/24 dev ids0', /^forbidden: ids0 has a route/],
      ['ip link add br0 type bridge && ip link set ids0 master br0', /^forbidden: ids0 belongs to br0/],
      ['ip link add above0 type vxlan id 7 dev ids0 dstport 4789', /^forbidden: ids0 carries above0/],
    ] as const) {
      sh(what)
      assert.match(await refusal(), why)
      assert.not.match(sh('nft list tables'), /holdfast_mirror/, 'nothing is copied there')
      sh(
        'ip address flush dev ids0 scope global; ip route flush dev ids0 proto boot; ip link set ids0 nomaster; ip link del br0 2>/dev/null || true; ip link del above0 2>/dev/null || true',
      )
      await keep()
    }
    sh(
      'ip link add br0 type bridge; ip link add a0 type veth peer name b0; ip link set b0 master br0; ip link set a0 up',
    )
    assert.match(await refusal('a0'), /^forbidden: a0 ends at b0, which belongs to br0/)
    assert.match(await refusal('br0'), /^forbidden: br0 is a bridge/)
    assert.match(await refusal('lo'), /^forbidden: lo is no Ethernet/)
    assert.match(await refusal('hf0'), /^forbidden: hf0 is the mesh/)
    assert.match(await refusal('nope0'), /^not-found/)
  })

  test('without holdfast-bpf it is refused, and says why', async () => {
    await driver.remove()
    driver = createMirrorDriver(createRunner(memoryLog()), undefined)
    assert.ok(isHoldfastError(await keep().catch((error: unknown) => error), 'unsupported'))
    assert.not.match(sh('nft list tables'), /holdfast_mirror/)
    driver = createMirrorDriver(createRunner(memoryLog()), rig.program)
  })

  test('it leaves nothing behind', async () => {
    await keep()
    await createMirrorDriver(createRunner(memoryLog()), undefined).remove()
    assert.not.match(sh('nft list tables'), /holdfast_mirror/)
    assert.is(sh('tc qdisc show dev ids0').includes('clsact'), false)
    assert.equal(
      readdirSync('/sys/fs/bpf').filter((one) => one.startsWith('hf_mirror')),
      [],
    )
    rig.frames()
    assert.is(lost(ping(FAR[4], 3)), '0')
    assert.equal(
      rig.frames().filter(({ head }) => head.readUInt8(0) === 2),
      [],
    )
    assert.is(HERE[4], '10.99.0.1')
  })

  test.after(() => rig.close())
  test.run()
}

testInOwnNamespace('the mirror', import.meta.url, () => {
  void openMirrorRig().then(defineTests)
})
