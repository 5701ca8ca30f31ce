// The agent's control socket for the lab, in a process of its own: asks everybody it is told to, a few times a second, and
// says what it hears, one JSON document a line.
//
//   share-peer.ts LISTEN_PORT CONTROL_PORT [KIND:ENDPOINT[@TTL]]…     KIND: node, relay or stun
//   share-peer.ts serve-stun PORT
//
// A frame bears the words of its target; each frame of kind node is sent back once, as `echo:…`.

import { createSocket } from 'node:dgram'
import { setInterval } from 'node:timers'
import { createControlSocket } from '../../edge/drivers/control-socket.ts'
import { createStunClient } from '../../edge/paths/stun.ts'
import { answerStun } from '../../edge/relay/stun-answer.ts'
import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, parseEndpoint } from '../../shared/address/endpoint.ts'
import { concat, utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { createLog } from '../../shared/host/log.ts'

const EVERY_MS = 50
/** The four bytes that each kind of frame begins with, as the rules know them. */
const NODE = Uint8Array.of(0xf0, 0x68, 0x66, 1)
const RELAY = Uint8Array.of(0xf0, 0x68, 0x72, 1)

const stun = createStunClient(systemClock, systemEntropy)
const say = (word: object): void => void process.stdout.write(`${JSON.stringify(word)}\n`)

interface Question {
  readonly bytes: () => Uint8Array
  readonly to: Endpoint
  readonly ttl: number | undefined
}

function questionOf(target: string): Question {
  const [, kind, endpoint = '', ttl] = /^(node|relay|stun):(.*?)(?:@(\d+))?$/.exec(target) ?? []
  if (kind === undefined) throw new HoldfastError('usage', `${target} is no target`)
  const to = parseEndpoint(endpoint)
  const frame = concat(kind === 'node' ? NODE : RELAY, utf8(target))
  return {
    bytes: () => (kind === 'stun' ? stun.ask(to) : frame),
    to,
    ttl: ttl === undefined ? undefined : Number(ttl),
  }
}

function serveStun(port: number): void {
  const socket = createSocket('udp4')
  socket.on('message', (bytes, from) => {
    const answer = answerStun(bytes, formatEndpoint(from.address as Address, from.port))
    if (answer !== undefined) socket.send(answer, from.port, from.address)
  })
  socket.bind(port, () => say({ serving: port }))
}

async function share(listenPort: number, controlPort: number, questions: readonly Question[]): Promise<void> {
  const log = createLog({ level: 'warn', format: 'text', now: () => systemClock.now() })
  const socket = createControlSocket({ listenPort, controlPort, clock: systemClock, entropy: systemEntropy, log })
  // From the start, because nothing else keeps the process alive while the socket opens.
  setInterval(() => {
    for (const { bytes, to, ttl } of questions) socket.send(bytes(), to, ttl)
  }, EVERY_MS)
  const sharing = await socket.open((bytes, from) => {
    const answer = stun.receive(bytes, from)
    if (answer !== undefined) return say({ from, text: `seen as ${answer.seenAs}` })
    const text = Buffer.from(bytes.subarray(4)).toString()
    if (text.startsWith('node:')) socket.send(concat(NODE, utf8(`echo:${text}`)), from)
    return say({ from, text })
  })
  say({ sharing })
}

const [first = '', second, ...targets] = process.argv.slice(2)
if (first === 'serve-stun') serveStun(Number(second))
else await share(Number(first), Number(second), targets.map(questionOf))
