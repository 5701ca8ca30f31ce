// `holdfast relay` on this very host: real sockets, a kernel and a broker in memory.

import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeBroker } from '../../shared/bus.fake.ts'
import { toBase64 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { writeAtomic } from '../../shared/host/files.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { parseDeviceKey } from '../../shared/ids.ts'
import { parseStatus } from '../../shared/wire/report.ts'
import { topics } from '../../shared/wire/topics.ts'
import { type DeviceKeys, ensureKeys } from '../enrol/device-keys.ts'
import { stateFiles } from '../host/files.ts'
import { openLockFile } from '../host/lock-file.ts'
import { FakeHub, testDevice, testInflate, testNetwork, testSigner } from '../link/hub.fake.ts'
import { readRoot } from '../trust/root-pin.ts'
import { type AloneOptions, openRelayAlone } from './alone.ts'
import { createFakeForwarder, createFakeForwarderKernel } from './forwarder.fake.ts'

/** A UDP port of both families whose successor is free as well, as far as can be known. */
function identityOf(hub: FakeHub, keys: DeviceKeys): object {
  return {
    nodeId: keys.nodeId,
    name: 'relay',
    network: { id: testNetwork, name: 'default' },
    hubUrl: 'https://hub:8443',
    anchor: { rootKey: toBase64(hub.root.publicKey), tlsAuthority: 'AAAA' },
    keys: [toBase64(hub.certificate())],
    broker: { urls: ['mqtts://hub:8883'], username: 'x', password: 'y' },
  }
}

async function scene() {
  const directory = mkdtempSync(join(tmpdir(), 'hf-alone-'))
  const files = stateFiles(directory)
  const keys = ensureKeys(files)
  const clock = new FakeClock()
  const broker = new FakeBroker({ clock, latencyMs: 5, retryMs: 1_000 })
  const hub = new FakeHub()
  const port = await ownPort()
  const offer = (tlsPort: number) =>
    hub.putNode({ ...testDevice('relay', 9), ...keys }, { relay: { port, tlsPort } }).putNode(testDevice('alice', 1))
  offer(1)
  hub.commit()
  hub.attach(broker)
  writeAtomic(files.identity, JSON.stringify(identityOf(hub, keys)))
  const options: AloneOptions = {
    files,
    clock,
    entropy: seededEntropy(3),
    log: memoryLog(),
    host: { os: 'x', kernel: 'x', arch: 'x', wireguard: 'none' },
    inflate: testInflate,
    bus: () => broker.factory('relay'),
    forwarder: async () => createFakeForwarder(createFakeForwarderKernel()),
    range: { first: 61_000, count: 8 },
    rates: { sessionBytesPerSecond: 1e6, totalBytesPerSecond: 1e7 },
    port,
    tlsPort: undefined,
  }
  return {
    broker,
    clock,
    hub,
    offer,
    options,
    port,
    /** Real sockets need turns of the event loop, everything else the clock. */
    pass: async (ms: number): Promise<void> => {
      await clock.advanceAsync(ms)
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
    report: () => {
      const bytes = broker.retained(topics.node(testNetwork, keys.nodeId, 'status'))
      return bytes === undefined ? undefined : parseStatus(bytes)
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

test('it opens without the hub, follows it, says what it runs and what is wrong, and says goodbye', async () => {
  const { broker, clock, hub, offer, options, pass, port, remove, report } = await scene()
  broker.setDown(true)
  const tls = createServer()
  const taken = await ownPort()
  await new Promise<void>((resolve) => tls.listen(taken, () => resolve()))
  offer(taken)
  hub.commit()
  const relay = await openRelayAlone({ ...options, tlsPort: taken })
  assert.is(relay.port, port)
  assert.is(relay.link().up, false)
  broker.setDown(false)
  await pass(60_000)
  await pass(10_000)
  assert.is(relay.link().hubOnline, true)
  assert.equal(report()?.revision.applied, { epoch: 1, revision: 2 })
  assert.equal(
    report()?.health.map(({ code }) => code),
    ['relay-tls-closed'],
  )
  await new Promise<void>((resolve) => tls.close(() => resolve()))
  for (let i = 0; i < 100 && relay.tlsPort() === undefined; i++) await pass(1_000)
  assert.is(relay.tlsPort(), taken)
  await pass(12_000)
  assert.equal(report()?.health, [])
  const closing = relay.close()
  await clock.advanceAsync(5_000)
  await closing
  // The next start needs nobody: what was heard is kept.
  broker.setDown(true)
  const again = await openRelayAlone({ ...options, tlsPort: 0 })
  assert.is(again.port, port)
  const closingAgain = again.close()
  await clock.advanceAsync(5_000)
  await closingAgain
  remove()
})

test('it follows the hub to another root key, and opens with it again', async () => {
  const { clock, hub, options, pass, remove, report } = await scene()
  const relay = await openRelayAlone({ ...options, tlsPort: 0 })
  await pass(60_000)
  for (const seed of [41, 42]) hub.rotateRoot(testSigner(seed)).publish()
  await pass(10_000)
  assert.is(report()?.revision.applied.revision, 3)
  const closing = relay.close()
  await clock.advanceAsync(5_000)
  await closing
  const { rootPin } = options.files
  const enrolled = parseDeviceKey(toBase64(hub.firstRoot.publicKey))
  assert.equal(readRoot(enrolled, openLockFile(rootPin)).root, testSigner(42).publicKey)
  assert.is(statSync(rootPin).mode & 0o777, 0o600)
  const again = await openRelayAlone({ ...options, tlsPort: 0 })
  hub.rotateRoot(testSigner(43)).publish()
  await pass(60_000)
  assert.is(report()?.revision.applied.revision, 4)
  const closingAgain = again.close()
  await clock.advanceAsync(5_000)
  await closingAgain
  remove()
})

test('a start that finds its port taken says so and leaves nothing open', async () => {
  const { options, port, remove } = await scene()
  const other = createSocket('udp6')
  await new Promise<void>((resolve) => other.bind(port, resolve))
  const error = await openRelayAlone({ ...options, tlsPort: 0 }).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'failed'), String(error))
  assert.match(String(error), new RegExp(`UDP port ${port}`))
  await new Promise<void>((resolve) => other.close(() => resolve()))
  remove()
})

test('a device that never joined is told to', async () => {
  const { options, remove } = await scene()
  remove()
  const error = await openRelayAlone(options).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'not-found'))
})

test.run()
