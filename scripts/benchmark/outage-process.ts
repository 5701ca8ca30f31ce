// A month without a hub in a minute: a real agent with its real database and real sockets, over a kernel made of maps and a
// clock that moves as soon as nothing is under way. Then a thousand power cuts. Started by the outage benchmark.

import { readdirSync, statSync } from 'node:fs'
import { connect as dial } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Agent } from '../../edge/agent.ts'
import { createAgent } from '../../edge/create-agent.ts'
import { loadKeys } from '../../edge/enrol/device-keys.ts'
import { loadIdentity } from '../../edge/enrol/identity-file.ts'
import { createFakeMesh } from '../../edge/gossip/door.fake.ts'
import { stateFiles } from '../../edge/host/files.ts'
import { openStore } from '../../edge/store/sqlite.ts'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { FakeClock, settle } from '../../shared/effects.fake.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { inflate } from '../../shared/host/inflate.ts'
import { createLog } from '../../shared/host/log.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import { brokerAuthority } from '../simulator/device.ts'
import { createSimKernel } from '../simulator/kernel.ts'
import { createNodeClock } from '../simulator/node-clock.ts'
import { settings } from '../simulator/sim-node.ts'
import type { FromOutage, Sample, ToOutage } from './outage-words.ts'

const HOUR_MS = 3_600_000
/** Between two power cuts of a device whose supply is bad. */
const UP_MS = 90_000
const SAMPLES_OF_REBOOTS = 4
/** Nothing listens there (tcpmux, which no machine here runs). */
const CLOSED_PORT = 1

const log = createLog({ level: 'error', format: 'text', now: () => systemClock.now() })
const clock = new FakeClock(systemClock.now())
/** Sockets that have not closed yet: simulated time waits for them, as they know real time only. */
let underWay = 0
let attempts = 0
let starts = 0

function tell(words: FromOutage): void {
  process.send?.(words)
}

function counted<T extends Duplex>(socket: T): T {
  underWay += 1
  socket.once('close', () => {
    underWay -= 1
  })
  return socket
}

/** In turn: nobody there, somebody who hangs up in the TLS handshake, and somebody who hangs up on MQTT. */
async function connectInVain(port: number, authorityDer: Uint8Array): Promise<Duplex> {
  attempts += 1
  if (attempts % 3 === 0) return counted(dial(port, '127.0.0.1'))
  const to = { host: '127.0.0.1', port: attempts % 3 === 1 ? CLOSED_PORT : port, timeoutMs: 30_000 }
  underWay += 1
  try {
    return counted((await connectPinned({ ...to, authorityDer, now: clock.now(), floor: 0 })).socket)
  } finally {
    underWay -= 1
  }
}

const isBusy = (): boolean => underWay > 0

/** Simulated time passes, and stands while a socket is under way. */
async function pass(ms: number): Promise<void> {
  const end = clock.monotonic() + ms
  while (clock.monotonic() < end) {
    await settle()
    while (isBusy()) await settle()
    await clock.advanceAsync(Math.min(Math.max(0, clock.untilNext()), end - clock.monotonic()))
  }
}

function bytesIn(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(`${directory}/${name}`).size, 0)
}

function sample(stateDir: string): Sample {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  const { system, user } = process.cpuUsage()
  return {
    hours: clock.monotonic() / HOUR_MS,
    starts,
    attempts,
    cpuMs: (system + user) / 1_000,
    heapKiB: heapUsed / 1_024,
    rssKiB: rss / 1_024,
    files: readdirSync('/proc/self/fd').length,
    diskKiB: bytesIn(stateDir) / 1_024,
  }
}

async function live({ days, port, reboots, stateDir }: ToOutage): Promise<void> {
  const files = stateFiles(stateDir)
  const [identity, keys] = [loadIdentity(files), loadKeys(files)]
  if (identity === undefined || keys === undefined) throw new HoldfastError('not-found', 'no device')
  const local = { interface: 'eth0', address: parseAddress('192.168.1.10'), cidr: parseCidr('192.168.1.0/24') }
  const kernel = createSimKernel({
    local: [{ ...local, physical: true }],
    handshakeAt: () => 0,
    changed: () => undefined,
    died: () => undefined,
  })
  const authorityDer = brokerAuthority(identity)

  const mesh = createFakeMesh(systemEntropy)

  const boot = async (): Promise<{ readonly agent: Agent; readonly cut: () => void }> => {
    const { store } = openStore(files.database, { log })
    const own = createNodeClock(clock)
    const agent = createAgent({
      identity,
      settings,
      wgKey: keys.wgKey,
      signer: keys.signer,
      clock: own,
      entropy: systemEntropy,
      log,
      sha256,
      verify,
      inflate,
      gossip: { door: mesh.door(identity.nodeId, own), deflate },
      store,
      driver: kernel.driver,
      bus: createMqttBusFactory({
        connect: () => connectInVain(port, authorityDer),
        clientId: identity.nodeId,
        clock: own,
        entropy: systemEntropy,
        log,
      }),
    })
    starts += 1
    await agent.start()
    const cut = (): void => {
      own.kill()
      store.close()
      kernel.reboot()
    }
    return { agent, cut }
  }

  const tellSample = (): void => tell({ type: 'sample', sample: sample(stateDir) })
  let { cut } = await boot()
  tellSample()
  for (let day = 1; day <= days; day++) {
    await pass(24 * HOUR_MS)
    tellSample()
  }
  for (let i = 1; i <= reboots; i++) {
    cut()
    ;({ cut } = await boot())
    await pass(UP_MS)
    if (i % Math.ceil(reboots / SAMPLES_OF_REBOOTS) === 0) tellSample()
  }
  cut()
}

process.on('message', (words: ToOutage) => {
  live(words).then(
    () => tell({ type: 'done' }),
    (error: unknown) => tell({ type: 'failed', why: describeError(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
