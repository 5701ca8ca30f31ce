// The lab itself: its NATs do what their names say, its power cuts are power cuts, and nothing of it stays behind.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { whyNoLab } from '../testing/privilege.ts'
import { endpointSeen, serve } from './conversation.ts'
import { createNet, type Net } from './net.ts'
import { answering } from './ping.ts'
import { processRef } from './processes.ts'
import type { Topology } from './topology.ts'

const topology: Topology = {
  internet: ['here', 'there'],
  sites: [
    { name: 'eim', nat: 'eim', hosts: ['eim-1', 'eim-2'], forwards: [{ protocol: 'udp', port: 9_000, to: 'eim-2' }] },
    { name: 'plain', nat: 'port-preserving', hosts: ['plain-1', 'plain-2'] },
    { name: 'strict', nat: 'symmetric', hosts: ['strict-1'] },
    { name: 'office', nat: 'udp-blocked', hosts: ['office-1'] },
    { name: 'bank', nat: 'https-only', hosts: ['bank-1'] },
    { name: 'lte', nat: 'eim', carrierNat: true, hosts: ['lte-1'] },
  ],
}
const HERE = '198.18.0.10'
const THERE = '198.18.0.11'
const PORT = 51_820

const lab = suite('lab')
let net: Net

const seen = (host: string, protocol: 'tcp' | 'udp', address: string, port: number, from = 0) =>
  endpointSeen(net.host(host), protocol, address, port, from)
/** Mappings that one inside socket has towards two places. */
const mappings = async (host: string, port = PORT) => [
  await seen(host, 'udp', HERE, 3_478, port),
  await seen(host, 'udp', THERE, 3_478, port),
]

lab.before(async () => {
  net = await createNet(topology)
  for (const name of ['here', 'there']) {
    await serve(net.host(name), ['udp', 3_478], ['tcp', 443], ['tcp', 80])
  }
})
lab.after(() => net.remove())

lab('endpoint-independent mapping: one mapping per inside socket, whatever its port, and each its own', async () => {
  const sockets = [mappings('eim-1'), mappings('eim-2'), mappings('eim-1', 33_333), mappings('eim-2', 33_333)]
  const all = await Promise.all(sockets)
  for (const [a, b] of all) {
    assert.match(a ?? '', /^198\.18\.1\.1 /)
    assert.is(b, a)
  }
  assert.is(new Set(all.map(([a]) => a)).size, all.length)
  assert.equal(await mappings('eim-2', 9_000), ['198.18.1.1 9000', '198.18.1.1 9000'])
  const [a, b] = await mappings('lte-1')
  assert.match(a ?? '', /^198\.18\.1\.6 /)
  assert.is(b, a)
})

lab('a port-preserving NAT keeps the port until two insiders want the same', async () => {
  assert.is(await seen('plain-1', 'udp', HERE, 3_478, PORT), '198.18.1.2 51820')
  assert.is(await seen('plain-2', 'udp', THERE, 3_478, PORT), '198.18.1.2 51820')
  const collides = await seen('plain-2', 'udp', HERE, 3_478, PORT)
  assert.match(collides ?? '', /^198\.18\.1\.2 /)
  assert.is.not(collides, '198.18.1.2 51820')
})

lab('a symmetric NAT maps anew for each destination', async () => {
  const [a, b] = await mappings('strict-1')
  assert.match(a ?? '', /^198\.18\.1\.3 /)
  assert.match(b ?? '', /^198\.18\.1\.3 /)
  assert.is.not(a, b)
})

lab('what is blocked is blocked, and the rest is not', async () => {
  const answers = await Promise.all([
    seen('office-1', 'udp', HERE, 3_478),
    seen('office-1', 'tcp', HERE, 80),
    seen('bank-1', 'udp', HERE, 3_478),
    seen('bank-1', 'tcp', HERE, 80),
    seen('bank-1', 'tcp', HERE, 443),
  ])
  assert.equal(
    answers.map((answer) => answer !== undefined),
    [false, true, false, false, true],
  )
})

lab('a forwarded port leads inside; everything else of the outside address leads nowhere', async () => {
  await serve(net.host('eim-2'), ['udp', 9_000], ['udp', 9_001])
  assert.ok(await seen('here', 'udp', '198.18.1.1', 9_000))
  assert.is(await seen('here', 'udp', '198.18.1.1', 9_001), undefined)
})

lab('a cut is silent, a pulled cable is seen, and both heal', async () => {
  const host = net.host('strict-1')
  const reaches = async (): Promise<boolean> => (await answering(host, [HERE])).has(HERE)
  assert.ok(await reaches())
  await net.cables.lossy('strict-1', 'eth0', 100)
  assert.not(await reaches())
  assert.match(await host.exec(['ip', '-brief', 'link', 'show', 'eth0']), / UP /)
  await net.cables.lossy('strict-1', 'eth0', 0)
  await net.cables.connect('strict-1', 'eth0', false)
  assert.match(await host.exec(['ip', '-brief', 'link', 'show', 'eth0']), / DOWN /)
  await net.cables.connect('strict-1', 'eth0', true)
  assert.ok(await reaches())
})

lab('two sites severed from each other still reach everybody else, and heal', async () => {
  const reaches = async (): Promise<readonly boolean[]> =>
    Promise.all([
      seen('plain-1', 'udp', '198.18.1.1', 9_000).then((answer) => answer !== undefined),
      seen('plain-1', 'udp', HERE, 3_478).then((answer) => answer !== undefined),
    ])
  assert.equal(await reaches(), [true, true])
  await net.sever('plain', 'eim', true)
  assert.equal(await reaches(), [false, true])
  await net.sever('plain', 'eim', false)
  assert.equal(await reaches(), [true, true])
})

lab('a slow cable is slow', async () => {
  const host = net.host('strict-1')
  await net.cables.slow(host, 'eth0', 64)
  // 20 packets of 1,000 B are 2.5 s at 64 kbit/s, and most of them don't fit into 50 ms of queue.
  const { stdout } = await host.attempt(['ping', '-q', '-c', '20', '-i', '0.01', '-s', '1000', '-W', '1', HERE])
  assert.ok(Number(/(\d+) received/.exec(stdout)?.[1]) < 20, stdout)
  await net.cables.slow(host, 'eth0', 0)
})

lab('a site gets another address, and its hosts go on', async () => {
  await net.renumber('strict', '198.18.1.33')
  assert.match((await seen('strict-1', 'udp', HERE, 3_478)) ?? '', /^198\.18\.1\.33 /)
})

lab('a power cut ends everything in a host but what lies on its disk', async () => {
  const host = net.host('eim-1')
  writeFileSync(join(host.lib, 'kept'), 'kept')
  await host.exec(['sh', '-c', 'ip link add hf0 type bridge; touch /run/lost'])
  const running = host.spawn(['sleep', '1000'], 'sleep')
  const before = processRef(host.pid())
  await host.powerOff()
  await running.exited
  assert.is(processRef(before?.pid ?? 0)?.startTime === before?.startTime, false)
  await host.boot()
  const left = await host.exec(['sh', '-c', 'cat /var/lib/kept; ls /run; ip -brief link'])
  assert.match(left, /^kept/)
  assert.not.match(left, /lost|hf0/)
  assert.ok((await answering(host, [HERE])).has(HERE))
})

lab('nothing stays behind', async () => {
  const refs = net.hosts().flatMap((host) => processRef(host.pid()) ?? [])
  await net.remove()
  assert.is(existsSync(net.directory.path), false)
  assert.equal(
    refs.filter((ref) => processRef(ref.pid)?.startTime === ref.startTime),
    [],
  )
})

if (whyNoLab() === undefined) lab.run()
else process.stdout.write(`skip: ${whyNoLab()}\n`)
