// Many idle MQTT connections in one process: TLS, log-in, the subscriptions of an agent, and then silence.

import { fromBase64, utf8 } from '../../shared/bytes.ts'
import { describeError } from '../../shared/errors.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../shared/host/clock.ts'
import { createLog } from '../../shared/host/log.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import { parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import { agentFilters, topics } from '../../shared/wire/topics.ts'
import type { FromIdlers, Idler, ToIdlers } from './fleet-words.ts'

const log = createLog({ level: 'error', format: 'text', now: () => clock.now() })
/** Handshakes under way at once: a returning fleet is spread out by its back-off too. */
const AT_ONCE = 32

function tell(words: FromIdlers): void {
  process.send?.(words)
}

function connectOne(idler: Idler, to: ToIdlers): Promise<void> {
  const { hostname, port } = new URL(to.url)
  const [network, node] = [parseNetworkId(to.network), parseNodeId(idler.node)]
  const target = { host: hostname, port: Number(port), timeoutMs: 60_000, authorityDer: fromBase64(to.authority) }
  const factory = createMqttBusFactory({
    connect: async () => (await connectPinned({ ...target, now: clock.now(), floor: 0 })).socket,
    clientId: node,
    username: node,
    password: idler.password,
    keepaliveS: 600,
    clock,
    entropy,
    log,
  })
  const will = { topic: topics.node(network, node, 'presence'), payload: utf8('{}'), retain: false }
  const bus = factory({ filters: agentFilters(network, node), will })
  return new Promise((resolve) => {
    bus.start({ onUp: resolve, onDown: () => undefined, onMessage: () => undefined })
  })
}

async function connectAll(to: ToIdlers): Promise<void> {
  const waiting = [...to.idlers]
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await connectOne(next, to)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  tell({ type: 'connected', count: to.idlers.length })
}

process.on('message', (words: ToIdlers) => {
  connectAll(words).catch((error: unknown) => tell({ type: 'failed', why: describeError(error) }))
})
process.on('disconnect', () => process.exit(0))
