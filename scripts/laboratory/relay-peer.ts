// One end of a relayed pair for the lab, in a process of its own: binds, then sends a counted packet every few
// milliseconds, echoes the other end's, and says how it goes, one JSON document a line.

import { createSocket } from 'node:dgram'
import { setInterval } from 'node:timers'
import { loadKeys } from '../../edge/enrol/device-keys.ts'
import { stateFiles } from '../../edge/host/files.ts'
import { createRelayClient } from '../../edge/relay/client.ts'
import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, parseEndpoint, portOf } from '../../shared/address/endpoint.ts'
import { fromBase64 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { createLog } from '../../shared/host/log.ts'
import { parseNodeId } from '../../shared/ids.ts'

/** State directory, the relay's node id and endpoint, the peer's node id, the capability. */
const [stateDir = '', relay = '', relayAt = '', peer = '', capability = ''] = process.argv.slice(2)
const PORT = 51_820
const EVERY_MS = 5
const PING = 1
const PONG = 2

const keys = loadKeys(stateFiles(stateDir))
if (keys === undefined) throw new HoldfastError('not-found', 'no keys')
const socket = createSocket('udp4')
const say = (word: object): void => void process.stdout.write(`${JSON.stringify(word)}\n`)
const send = (bytes: Uint8Array, to: Endpoint): void => socket.send(bytes, portOf(to), hostOf(to), () => undefined)
const client = createRelayClient({
  self: keys.nodeId,
  signer: keys.signer,
  capability: () => fromBase64(capability),
  send,
  clock: systemClock,
  entropy: systemEntropy,
  log: createLog({ level: 'error', format: 'text', now: () => systemClock.now() }),
})
const count = { sent: 0, answered: 0, echoed: 0 }
let session: Endpoint | undefined

socket.on('message', (bytes, { address, port }) => {
  if (client.receive(bytes, formatEndpoint(address as Address, port))) return
  if (bytes[0] === PONG) count.answered += 1
  else if (bytes[0] === PING && session !== undefined) {
    count.echoed += 1
    bytes[0] = PONG
    send(bytes, session)
  }
})
socket.bind(PORT, () => {
  client.bind(parseNodeId(relay), parseEndpoint(relayAt), parseNodeId(peer), {
    onBound(endpoint, observed) {
      session = endpoint
      say({ bound: endpoint, observed })
    },
    onLost: (why) => say({ lost: why }),
  })
})
setInterval(() => {
  if (session === undefined) return
  count.sent += 1
  const packet = Buffer.alloc(200, 7)
  packet[0] = PING
  send(packet, session)
}, EVERY_MS)
setInterval(() => say(count), 200)
