// The whole command line over real sockets: join, agent, status, ping, plan, bundle, leave; only hub and kernel are fakes.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { startFakeHub } from '../enrol/hub.fake.ts'
import { readConfigFile } from '../host/config-file.ts'
import { keepInterfaceName } from '../host/interface-name.ts'
import { hostProbe } from '../host/probe.ts'
import { askRouter } from '../portmap/ask.ts'
import { formatLeaseMemory } from '../portmap/lease.ts'
import { leaseKey } from '../portmap/own-portmap.ts'
import { createFakeRouter, testGateway } from '../portmap/router.fake.ts'
import { createFakeForwarder, createFakeForwarderKernel } from '../relay/forwarder.fake.ts'
import { openStore } from '../store/sqlite.ts'
import { fakeAgent } from './idle-agent.fake.ts'
import { type Doors, runCli } from './run.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

interface Bench {
  readonly state: string
  readonly events: string[]
  readonly doors: Doors
  readonly call: (...argv: readonly string[]) => Promise<{ code: number; out: string; notes: string }>
  readonly ask: () => void
  /** A stop that was not asked for yet; `ask` asks for it. */
  readonly newStop: () => Pick<Doors, 'stopRequested'>
}

/** Some other program's. */
const takenPort = 4_321

async function onBench(run: (bench: Bench) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-cli-'))
  const state = join(directory, 'state')
  const events: string[] = []
  let [out, notes] = ['', '']
  let stop = Promise.withResolvers<string>()
  const doors: Doors = {
    write: (text) => void (out += typeof text === 'string' ? text : ''),
    note: (sentence) => void (notes += `${sentence}\n`),
    env: { HOLDFAST_STATE: state, HOLDFAST_SET_CLOCK: 'false' },
    clock: systemClock,
    entropy: systemEntropy,
    createLog: () => memoryLog(),
    createRun: () => async () => '',
    probe: hostProbe({}),
    createDriver: async (settings) => {
      const cleanup = async (): Promise<void> => void events.push(`cleanup of ${settings.interface}`)
      return { cleanup, read: async () => ({}) } as never
    },
    isPortFree: async (port) => port !== takenPort,
    createPathDoors: async () => ({ gossip: () => ({}) }) as never,
    createRouterDoors: async () => ({}) as never,
    createForwarder: async () => createFakeForwarder(createFakeForwarderKernel()),
    whyNoShortcut: async () => undefined,
    lookAtXdp: async () => new Map(),
    lookAtPolicy: async () => ({ stands: false }),
    createHostResolver: async () => ({ cleanup: async () => undefined }) as never,
    closePolicy: async (settings) => {
      events.push(`close ${settings.interface}`)
      return 'closed'
    },
    createAgent: async (options) => fakeAgent(options, events),
    stopRequested: () => stop.promise,
    readConfigFile,
  }
  const call: Bench['call'] = async (...argv) => {
    ;[out, notes] = ['', '']
    const code = await runCli(argv, doors)
    return { code, out, notes }
  }
  try {
    const newStop = (): Pick<Doors, 'stopRequested'> => {
      stop = Promise.withResolvers<string>()
      return { stopRequested: () => stop.promise }
    }
    await run({ state, events, doors, call, ask: () => stop.resolve('a signal'), newStop })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Tries until the agent answers. */
async function answered(bench: Bench): Promise<void> {
  for (let tries = 0; tries < 3_000; tries++) {
    if (existsSync(join(bench.state, 'agent.sock')) && (await bench.call('status', '--json')).code === 0) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new HoldfastError('failed', 'the agent never answered')
}

test('from join to leave', () =>
  onBench(async (bench) => {
    const hub = await startFakeHub()
    const joined = await bench.call(
      'join',
      hub.url,
      '--token',
      hub.token,
      '--name',
      'plant-7',
      '--label',
      'a=b',
      '--json',
    )
    assert.is(joined.code, 0, joined.notes)
    assert.is((JSON.parse(joined.out) as { node: string }).node, 'plant-7')
    assert.equal(hub.requests[0]?.labels, { a: 'b' })

    const down = await bench.call('status')
    assert.is(down.code, 1)
    assert.match(down.out, 'plant-7')
    assert.match(down.notes, 'the agent is not running')

    const agent = runCli(['agent', '--interface', 'hf9'], bench.doors)
    await answered(bench)
    assert.match((await bench.call('status')).out, 'autonomous since')
    assert.match((await bench.call('plan', '--dry-run')).out, 'ip link add hf0 type wireguard')
    assert.match((await bench.call('ping', 'nobody')).notes, 'no peer is called nobody')
    const second = await bench.call('agent')
    assert.is(second.code, 1)
    assert.match(second.notes, 'another agent runs')
    const bundle = join(bench.state, '..', 'b.tar.gz')
    assert.is((await bench.call('debug', 'bundle', '-o', bundle)).code, 0)
    assert.ok(existsSync(bundle))

    const left = await bench.call('leave', '--json')
    assert.is(left.code, 0, left.notes)
    assert.equal(JSON.parse(left.out), { left: true, hub: 'told', purged: false })
    assert.is(await agent, 0)
    assert.equal(bench.events, ['start on hf9:own', 'stop', 'cleanup of hf9'])
    assert.is(hub.goodbyes.length, 1)
    assert.not(existsSync(join(bench.state, 'identity.json')))
    assert.ok(existsSync(join(bench.state, 'wg.key')))
    assert.is((await bench.call('leave', '--purge')).code, 0)
    assert.not(existsSync(bench.state))
    await hub.close()
  }))

test('a device that has joined can be closed, by the name that its interface had', () =>
  onBench(async (bench) => {
    const before = await bench.call('policy', 'close', '--json')
    assert.is(JSON.parse(before.out).outcome, 'not-joined')
    const hub = await startFakeHub()
    await bench.call('join', hub.url, '--token', hub.token)
    await hub.close()
    const { store } = openStore(join(bench.state, 'state.db'), { log: memoryLog() })
    keepInterfaceName(store, 'hf7', memoryLog())
    store.close()
    const { code, out } = await bench.call('policy', 'close')
    assert.is(code, 0)
    assert.match(out, 'nothing passes hf7 until')
    // A cache that nobody can read leaves nothing open.
    writeFileSync(join(bench.state, 'state.db'), 'torn')
    await bench.call('policy', 'close')
    assert.equal(bench.events, ['close hf7', 'close hf0'])
  }))

test('who leaves gives the router its port back', () =>
  onBench(async (bench) => {
    const hub = await startFakeHub()
    await bench.call('join', hub.url, '--token', hub.token)
    const router = createFakeRouter(systemClock)
    const asking = { doors: router.doors, clock: systemClock, signal: new AbortController().signal }
    const ports = { internalPort: 51_820, externalPort: 51_820 }
    const wish = { gateway: testGateway, ...ports, lifetimeS: 7_200, nonce: 'AAAAAAAAAAAAAAAA' }
    const outcome = await askRouter(asking, wish)
    const { store } = openStore(join(bench.state, 'state.db'), { log: memoryLog() })
    if (outcome.type === 'granted') store.set(leaseKey, formatLeaseMemory(outcome.lease))
    store.close()
    assert.is(router.mappings.size, 1)
    assert.is(await runCli(['leave'], { ...bench.doors, createRouterDoors: async () => router.doors }), 0)
    assert.is(router.mappings.size, 0)
    await hub.close()
  }))

test('a node that others are told to find begins again, at the usual port', () =>
  onBench(async (bench) => {
    const hub = await startFakeHub()
    await bench.call('join', hub.url, '--token', hub.token)
    await hub.close()
    const createAgent: Doors['createAgent'] = async (options) => {
      const agent = fakeAgent(options, bench.events)
      return { ...agent, start: () => agent.start().then(() => options.onPublic?.(true)) }
    }
    const agent = runCli(['agent'], { ...bench.doors, createAgent })
    for (let i = 0; i < 100 && bench.events.length < 3; i++) await answered(bench)
    bench.ask()
    assert.is(await agent, 0)
    assert.equal(bench.events, ['start on hf0:own', 'stop', 'start on hf0:51820', 'stop'])
  }))

test('an agent stops when it is asked, and leaves the kernel as it is; `down` cleans that, and stays a member', () =>
  onBench(async (bench) => {
    const hub = await startFakeHub()
    await bench.call('join', hub.url, '--token', hub.token)
    await hub.close()
    const agent = runCli(['agent'], bench.doors)
    await answered(bench)
    bench.ask()
    assert.is(await agent, 0)
    assert.equal(bench.events, ['start on hf0:own', 'stop'])
    const again = runCli(['agent'], { ...bench.doors, ...bench.newStop() })
    await answered(bench)
    assert.equal([(await bench.call('down')).code, await again], [0, 0])
    assert.equal(bench.events.slice(2), ['start on hf0:own', 'stop', 'cleanup of hf0'])
    assert.ok(existsSync(join(bench.state, 'identity.json')))
    const left = await bench.call('leave', '--purge')
    assert.is(left.code, 0, left.notes)
    assert.match(left.notes, 'could not be told')
    assert.not(existsSync(bench.state))
  }))

test('a port that another program has costs nobody the mesh: another is taken, kept and told', () =>
  onBench(async (bench) => {
    const hub = await startFakeHub()
    await bench.call('join', hub.url, '--token', hub.token)
    await hub.close()
    for (const _ of [1, 2]) {
      const agent = runCli(['agent', '--listen-port', String(takenPort)], { ...bench.doors, ...bench.newStop() })
      await answered(bench)
      const { out } = await bench.call('status')
      assert.match(out, `UDP port ${takenPort} was taken by another program; listening on ${takenPort + 10}`)
      bench.ask()
      assert.is(await agent, 0)
      rmSync(join(bench.state, 'agent.sock'), { force: true })
    }
    const start = `start on hf0:${takenPort + 10}`
    assert.equal(bench.events, [start, 'stop', start, 'stop'])
  }))

test('usage errors exit with 2, failures with 1, and all say what to do', () =>
  onBench(async ({ call, state }) => {
    for (const [argv, code, said] of [
      [['statsu'], 2, 'Did you mean status?'],
      [['join'], 2, 'needs URL'],
      [['join', 'hub'], 2, 'needs --token'],
      [['join', 'http://hub', '--token', 'x'], 1, 'not a join token'],
      [['agent', '--listen-port', '0'], 2, '--listen-port'],
      [['agent', '--config', join(state, 'none.yaml')], 1, 'no config file'],
      [['agent'], 1, 'has not joined'],
      [['plan'], 1, 'the agent is not running'],
      [['leave'], 1, 'has not joined'],
      [['completion', 'tcsh'], 2, 'bash'],
      [['join', 'hub', '--token', 'x', '--label', 'north'], 2, 'not a label'],
      [['join', 'hub', '--token', 'x', '--timeout', 'soon'], 2, '--timeout: is not a duration'],
      [['join', 'hub', '--token', 'x', '--name', 'No Name'], 2, '--name: '],
    ] as const) {
      const got = await call(...argv)
      assert.is(got.code, code, `${argv.join(' ')}: ${got.notes}`)
      assert.ok(got.notes.includes(said), `${argv.join(' ')}: ${got.notes}`)
      assert.not(/\n\s+at /.test(got.notes))
    }
  }))

test('who looks leaves a damaged database for the agent to set aside, and still finds all the rest', () =>
  onBench(async ({ call, state }) => {
    mkdirSync(state, { mode: 0o700 })
    writeFileSync(join(state, 'state.db'), 'x'.repeat(8_192))
    writeFileSync(join(state, 'identity.json'), '{')
    const status = await call('status')
    assert.is(status.code, 1)
    assert.match(status.notes, 'leave --purge')
    const doctor = await call('doctor')
    assert.match(doctor.out, /hub .*identity.json cannot be read/)
    const bundle = join(state, '..', 'b.tar.gz')
    assert.is((await call('debug', 'bundle', '-o', bundle)).code, 0)
    assert.equal(
      readdirSync(state).filter((name) => name.includes('damaged')),
      [],
    )
  }))

test('speaks of itself: help, version, completion, manual', () =>
  onBench(async ({ call }) => {
    assert.match((await call()).out, 'Commands:')
    assert.match((await call('join', '--help')).out, '--token')
    assert.match((await call('version')).out, 'holdfast ')
    assert.match((await call('completion', 'bash')).out, 'complete')
    assert.match((await call('man')).out, '.TH HOLDFAST')
  }))

test('a config file is read, and its unknown keys are named with their line', () =>
  onBench(async ({ call, state }) => {
    const file = `${state}.yaml`
    writeFileSync(file, 'interface: hf7\nlistenprot: 1\n')
    const got = await call('plan', '--config', file)
    assert.is(got.code, 1)
    assert.match(got.notes, /listenprot.*line 2/)
  }))

test.run()
