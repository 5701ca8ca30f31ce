// Real resolvers of a host are told of the mesh's names: glibc by its file, dnsmasq by its directory. What was found before is
// found whoever is dead, and as it was once nothing of ours is left.

import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { testInOwnNamespace } from './own-namespace.ts'
import { prepareResolved, startResolved } from './resolved.ts'
import { type Agent, dnsmasq, found, running, startAgent as startAgentWith } from './resolver-parts.ts'

const [UPSTREAM, SITE] = ['192.0.2.53', '10.201.7.53']
const [OWN, OWN6, ALPHA, ALPHA6] = ['10.77.0.9', 'fd77::9', '10.77.0.1', 'fd77::1']
/** Set where its files could not be had. */
const WITHOUT = 'HOLDFAST_WITHOUT_RESOLVED'
const LEASED = `# a lease\nsearch else.test\nnameserver ${UPSTREAM}\n`
const UP = [
  'ip link set lo up',
  `ip addr add ${UPSTREAM}/32 dev lo`,
  `ip addr add ${SITE}/32 dev lo`,
  'ip link add hf0 type veth peer name far',
  'ip link set far up',
  'ip link set hf0 up',
  `ip addr add ${OWN}/32 dev hf0`,
  `ip addr add ${OWN6}/128 dev hf0 nodad`,
  // An /etc and a /run of this test alone.
  'mkdir -p /tmp/.etc && mount -t tmpfs tmpfs /tmp/.etc && mkdir /tmp/.etc/upper /tmp/.etc/work',
  'umount /etc/resolv.conf 2>/dev/null || true',
  'mount -t overlay overlay -o lowerdir=/etc,upperdir=/tmp/.etc/upper,workdir=/tmp/.etc/work /etc',
  'mount -t tmpfs tmpfs /run',
]

const records = fakeRecords({
  network: {
    cidr: '10.77.0.0/24',
    cidr6: 'fd77::/64',
    dnsZones: [{ zone: 'plant.test', servers: [SITE] }],
  },
  nodes: [
    { name: 'self', addresses: [OWN, OWN6] },
    { name: 'alpha-1', addresses: [ALPHA, ALPHA6] },
  ],
})

const startUpstream = () =>
  dnsmasq([`--listen-address=${UPSTREAM}`, '--conf-file=/dev/null', '--address=/example.test/203.0.113.7'])
const startSite = () =>
  dnsmasq([`--listen-address=${SITE}`, '--conf-file=/dev/null', '--address=/plant.test/10.201.7.20'])

async function named(address: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  execFile('getent', ['hosts', address], { timeout: 60_000 }, (_, out) => resolve(out))
  return (await promise).trim().split(/\s+/)[1] ?? ''
}

const startAgent = (restart?: () => Promise<void>): Promise<Agent> => startAgentWith(records, [OWN, OWN6], restart)

const both = (one: string, other: string): string => [one, other].sort().join(' ')

function define(): void {
  for (const line of UP) execFileSync('sh', ['-c', line])

  test.after.each(() => {
    for (const child of running) child.kill('SIGKILL')
    running.clear()
  })

  test('libc asks the agent first, finds all names, and what it found before with the agent or the upstream dead', async () => {
    let [upstream, site] = [await startUpstream(), await startSite()]
    writeFileSync('/etc/resolv.conf', LEASED)
    assert.is(await found('www.example.test'), '203.0.113.7')
    const agent = await startAgent()
    assert.is(await found('alpha-1.mesh.internal'), both(ALPHA, ALPHA6))
    assert.is(await named(ALPHA6), 'alpha-1.mesh.internal')
    assert.is(await found('www.example.test'), '203.0.113.7')
    assert.is(await found('press.plant.test'), '10.201.7.20')
    await Promise.all([upstream.end(), site.end()])
    assert.is(await found('alpha-1.mesh.internal'), both(ALPHA, ALPHA6))
    assert.is(await named(ALPHA), 'alpha-1.mesh.internal')
    assert.is(await found('press.plant.test'), '10.201.7.20')
    assert.is(await found('www.example.test'), '')
    ;[upstream, site] = [await startUpstream(), await startSite()]
    agent.kill()
    assert.is(await found('www.example.test'), '203.0.113.7')
    assert.is(await found('alpha-1.mesh.internal'), '')
    const again = await startAgent()
    assert.is(await found('alpha-1.mesh.internal'), both(ALPHA, ALPHA6))
    again.kill()
    await again.resolver.cleanup()
    assert.is(readFileSync('/etc/resolv.conf', 'utf8'), LEASED)
    assert.is(await found('www.example.test'), '203.0.113.7')
    await Promise.all([upstream.end(), site.end()])
  })

  test('dnsmasq of the host leads zones of the mesh to the agent and nothing else, whoever is dead', async () => {
    const upstream = await startUpstream()
    const start = () =>
      dnsmasq([
        '--listen-address=127.0.0.1',
        '--conf-file=/dev/null',
        '--conf-dir=/etc/dnsmasq.d',
        `--server=${UPSTREAM}`,
      ])
    mkdirSync('/etc/dnsmasq.d', { recursive: true })
    let host = await start()
    const restart = async (): Promise<void> => {
      await host.end()
      host = await start()
    }
    writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.1\n')
    const agent = await startAgent(restart)
    assert.is(agent.names.status()?.host?.by, 'dnsmasq')
    assert.is(await found('alpha-1.mesh.internal'), both(ALPHA, ALPHA6))
    assert.is(await named(ALPHA6), 'alpha-1.mesh.internal')
    assert.is(await found('www.example.test'), '203.0.113.7')
    await upstream.end()
    assert.is(await found('alpha-1.mesh.internal'), both(ALPHA, ALPHA6))
    const anew = await startUpstream()
    agent.kill()
    assert.is(await found('www.example.test'), '203.0.113.7')
    await agent.resolver.cleanup()
    assert.not.ok(existsSync('/etc/dnsmasq.d/holdfast.conf'))
    assert.is(await found('www.example.test'), '203.0.113.7')
    assert.is(await found('alpha-1.mesh.internal'), '')
    await Promise.all([host.end(), anew.end()])
  })

  if (process.env[WITHOUT] === undefined)
    test('systemd-resolved asks the agent for zones of the mesh and nothing else, whoever is dead', async () => {
      const upstream = await startUpstream()
      const resolved = await startResolved(UPSTREAM, (child) => void running.add(child))
      rmSync('/etc/resolv.conf')
      execFileSync('ln', ['-s', '/run/systemd/resolve/stub-resolv.conf', '/etc/resolv.conf'])
      const agent = await startAgent()
      assert.is(agent.names.status()?.host?.by, 'resolved')
      assert.is(await found('alpha-1.mesh.internal'), both(ALPHA, ALPHA6))
      assert.is(await named(ALPHA), 'alpha-1.mesh.internal')
      assert.is(await found('www.example.test'), '203.0.113.7')
      await upstream.end()
      assert.is(await found('alpha-1.mesh.internal'), both(ALPHA, ALPHA6))
      const anew = await startUpstream()
      agent.kill()
      assert.is(await found('mail.example.test'), '203.0.113.7')
      await agent.resolver.cleanup()
      assert.is(await found('www.example.test'), '203.0.113.7')
      assert.is(await found('alpha-1.mesh.internal'), '')
      await resolved.end()
      await anew.end()
    })
}

// Fetched from outside, where there is a network.
if (process.env['HOLDFAST_LAB_INSIDE'] === undefined) {
  const why = await prepareResolved()
  if (why !== undefined) {
    process.env[WITHOUT] = why
    process.stdout.write(`skip: systemd-resolved: ${why}\n`)
  }
}
testInOwnNamespace('resolvers of a host are told', import.meta.url, define)
