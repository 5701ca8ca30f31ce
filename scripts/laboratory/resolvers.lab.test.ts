// Real resolvers of a host are told of the mesh's names: glibc by its file, dnsmasq by its directory. What was found before is
// found whoever is dead, and as it was once nothing of ours is left.

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../../edge/drivers/command.ts'
import { createHostResolver } from '../../edge/drivers/host-resolver.ts'
import { askNameServer } from '../../edge/drivers/name-asker.ts'
import { createNameServer } from '../../edge/drivers/name-server.ts'
import { createOwnNames, type OwnNames } from '../../edge/names/own-names.ts'
import type { HostResolver } from '../../edge/names/wiring/doors.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { testInOwnNamespace } from './own-namespace.ts'
import { prepareResolved, startResolved } from './resolved.ts'
import { waitFor } from './wait.ts'

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

/** A test that fails leaves them. */
const running = new Set<ChildProcess>()

interface Server {
  readonly end: () => Promise<void>
}

/** Listens there before it returns. */
async function dnsmasq(...words: readonly string[]): Promise<Server> {
  const fixed = [
    '--keep-in-foreground',
    '--bind-interfaces',
    '--no-resolv',
    '--no-hosts',
    '--pid-file=',
    '--log-facility=-',
  ]
  const child = spawn('dnsmasq', [...fixed, '--user=root', ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  const said: string[] = []
  child.stderr.setEncoding('utf8')
  for await (const text of child.stderr.iterator({ destroyOnReturn: false })) {
    said.push(String(text))
    if (said.join('').includes('started, version')) break
  }
  assert.is(child.exitCode, null, said.join(''))
  child.stderr.resume()
  return {
    async end() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

const startUpstream = () =>
  dnsmasq(`--listen-address=${UPSTREAM}`, '--conf-file=/dev/null', '--address=/example.test/203.0.113.7')
const startSite = () =>
  dnsmasq(`--listen-address=${SITE}`, '--conf-file=/dev/null', '--address=/plant.test/10.201.7.20')

/** What glibc finds; empty where it finds nothing. */
async function found(name: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  execFile('getent', ['ahosts', name], { timeout: 60_000 }, (_, out) => resolve(out))
  const addresses = (await promise).split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')[0] ?? '']))
  return [...new Set(addresses)].sort().join(' ')
}

async function named(address: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  execFile('getent', ['hosts', address], { timeout: 60_000 }, (_, out) => resolve(out))
  return (await promise).trim().split(/\s+/)[1] ?? ''
}

interface Agent {
  readonly names: OwnNames
  readonly resolver: HostResolver
  /** As a process that is killed: nothing is told. */
  kill(): void
}

async function startAgent(restart?: () => Promise<void>): Promise<Agent> {
  const log = memoryLog()
  const run = createRunner(log)
  const resolver = createHostResolver({ interface: 'hf0', run, ...(restart === undefined ? {} : { restart }) })
  const addresses = [OWN, OWN6].map(parseAddress)
  const names = createOwnNames(
    {
      log,
      settings: { interface: 'hf0' },
      names: {
        port: 51_824,
        open: async (options) => createNameServer(options),
        ask: askNameServer,
        host: { choice: 'auto', open: async () => resolver },
      },
    },
    {
      clock: systemClock,
      health: { raise: () => undefined, clear: () => undefined },
      holding: { inForce: () => ({ parsed: { records }, version: { revision: 1 } }) as never },
      members: { me: () => ({ addresses }) as never },
    },
  )
  await waitFor(
    'the resolver of this host is told',
    async () => {
      names.follow()
      const { by, why } = names.status()?.host ?? {}
      return by === undefined ? { notYet: why ?? 'nobody is told' } : { done: by }
    },
    { timeoutMs: 30_000 },
  )
  return { names, resolver, kill: () => names.close() }
}

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
      dnsmasq(
        '--listen-address=127.0.0.1',
        '--conf-file=/dev/null',
        '--conf-dir=/etc/dnsmasq.d',
        `--server=${UPSTREAM}`,
      )
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
