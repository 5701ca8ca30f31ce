// Many devices in one process, each with its own connection over real MQTT and TLS, its own trust and its own set.
// What they spare is what a thousand machines would do at once: the table, the look at a kernel with a thousand peers, and the
// facts of all others. Started by the fan-out benchmark, which talks to it over IPC.

import { createHubLink } from '../../edge/link/hub-link.ts'
import { createSync } from '../../edge/link/sync.ts'
import { MemoryStore } from '../../edge/store/memory.fake.ts'
import { createHolding } from '../../edge/trust/holding.ts'
import type { Anchors } from '../../edge/trust/keys.ts'
import { fromBase64 } from '../../shared/bytes.ts'
import type { BusFactory, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { inflate } from '../../shared/host/inflate.ts'
import { createLog } from '../../shared/host/log.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { brokerAuthority } from '../simulator/device.ts'
import { policyPort } from './fleet-policy.ts'
import { type FromAgents, nowNs, type Recruit, type ToAgents } from './fleet-words.ts'

const log: Log = createLog({ level: 'error', format: 'text', now: () => systemClock.now() })
/** When each device first had a verified policy with that port. */
const applied = new Map<number, bigint[]>()
let count = 0

function tell(words: FromAgents): void {
  process.send?.(words)
}

function notePolicies(policies: ParsedRecords['policies'], seen: { port: number }): void {
  const port = policyPort(policies)
  if (port === undefined || port === seen.port) return
  seen.port = port
  const times = applied.get(port) ?? []
  times.push(nowNs())
  applied.set(port, times)
  if (times.length === count) tell({ type: 'applied', port, atNs: times.map(String) })
}

function busOf({ identity }: Recruit): BusFactory {
  const { hostname, port } = new URL(identity.broker.urls[0] ?? '')
  return createMqttBusFactory({
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
  })
}

/** Resolves once the newest set is held. */
async function startOne(recruit: Recruit): Promise<void> {
  const { identity } = recruit
  const anchors: Anchors = {
    network: identity.network.id,
    root: fromBase64(identity.anchor.rootKey),
    certificates: identity.keys.map((key) => fromBase64(key)),
    verify,
    sha256,
  }
  const holding = createHolding(anchors, new MemoryStore(), log)
  const seen = { port: 0 }
  const ready = Promise.withResolvers<void>()
  const fail = (why: string): void => tell({ type: 'failed', why })
  const sync = createSync({
    anchors,
    clock: systemClock,
    entropy: systemEntropy,
    log,
    inflate,
    held: () => holding.held(),
    onAccepted(accepted) {
      holding.take(accepted)
      const policies = accepted.next.parsed?.records.policies
      if (policies === undefined) return
      notePolicies(policies, seen)
      ready.resolve()
    },
    onRefused: fail,
    onSound: () => undefined,
    send: (payload) => link.request(payload),
  })
  const link = createHubLink({
    bus: busOf(recruit),
    network: identity.network.id,
    node: identity.nodeId,
    clock: systemClock,
    entropy: systemEntropy,
    log,
    sync,
    onFact: () => undefined,
    onRefused: fail,
    onChange: () => undefined,
  })
  link.start()
  await ready.promise
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
