// Many agents in one process: real trust, link, store contract and planner over real MQTT and TLS; only the kernel and
// the disk are made of memory. Started by the fan-out benchmark, which talks to it over IPC.

import { createAgent } from '../../edge/create-agent.ts'
import type { Driver } from '../../edge/drivers/driver.ts'
import { inflate } from '../../edge/host/inflate.ts'
import { MemoryStore } from '../../edge/store/memory.fake.ts'
import { fromBase64 } from '../../shared/bytes.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { createLog } from '../../shared/host/log.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import { brokerAuthority, deviceFromSeed } from '../simulator/device.ts'
import { createSimKernel } from '../simulator/kernel.ts'
import { policyPort } from './fleet-policy.ts'
import { type FromAgents, nowNs, type Recruit, type ToAgents } from './fleet-words.ts'

const log: Log = createLog({ level: 'error', format: 'text', now: () => systemClock.now() })
/** When each agent first enforced the policy with that port. */
const applied = new Map<number, bigint[]>()
let count = 0

function tell(words: FromAgents): void {
  process.send?.(words)
}

function noteRuleset(ruleset: string, seen: { port: number }): void {
  const port = policyPort(ruleset)
  if (port === undefined || port === seen.port) return
  seen.port = port
  const times = applied.get(port) ?? []
  times.push(nowNs())
  applied.set(port, times)
  if (times.length === count) tell({ type: 'applied', port, atNs: times.map(String) })
}

/** Notes the moment at which a policy takes effect. */
function watched(driver: Driver): Driver {
  const seen = { port: 0 }
  return {
    ...driver,
    async apply(ops) {
      const reached = await driver.apply(ops)
      for (const op of reached.done) if (op.op === 'ruleset-set') noteRuleset(op.ruleset, seen)
      return reached
    },
  }
}

async function startOne({ identity, name, seed }: Recruit): Promise<void> {
  const device = deviceFromSeed(name, fromBase64(seed))
  const kernel = createSimKernel({ local: [], handshakeAt: () => 0, changed: () => undefined, died: () => undefined })
  const { hostname, port } = new URL(identity.broker.urls[0] ?? '')
  const agent = createAgent({
    identity,
    settings: {
      interface: 'hf0',
      listenPort: 51_820,
      meshPort: 51_822,
      version: 'bench',
      host: { os: 'bench', kernel: 'bench', arch: process.arch, wireguard: 'kernel' },
    },
    wgKey: device.wgKey,
    signer: device.signer,
    clock: systemClock,
    entropy: systemEntropy,
    log,
    sha256,
    verify,
    inflate,
    store: new MemoryStore(),
    driver: watched(kernel.driver),
    bus: createMqttBusFactory({
      connect: async () => {
        const pin = { authorityDer: brokerAuthority(identity), now: systemClock.now(), floor: 0 }
        return (await connectPinned({ host: hostname, port: Number(port), timeoutMs: 30_000, ...pin })).socket
      },
      clientId: identity.nodeId,
      username: identity.broker.username,
      password: identity.broker.password,
      clock: systemClock,
      entropy: systemEntropy,
      log,
    }),
  })
  await agent.start()
  while (agent.status().mode !== 'online') await new Promise((resolve) => setTimeout(resolve, 50))
}

/** A few at a time, as a fleet would come back: a handshake costs the hub more than anything that follows. */
const AT_ONCE = 16

async function start(recruits: readonly Recruit[]): Promise<void> {
  count = recruits.length
  const waiting = [...recruits]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await startOne(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  tell({ type: 'online', count })
}

process.on('message', (words: ToAgents) => {
  start(words.recruits).catch((error: unknown) => tell({ type: 'failed', why: describeError(error) }))
})
process.on('disconnect', () => process.exit(0))
