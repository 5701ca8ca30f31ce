// New flows at a steady rate, each of one packet there and one back. Started by the flows benchmark at both ends of a mesh.
//
//   flows-load.ts answer ADDRESS               answers at all its ports; says so
//   flows-load.ts ask ADDRESS PER-S SECONDS    opens a flow with each packet; prints how many, and how many were answered

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../shared/host/clock.ts'

/** As many at either end: their square is how many flows there can be. */
const SOCKETS = 256
const FIRST_PORT = 20_000
const BEAT_MS = 10
const WORDS = Buffer.alloc(64, 7)
const LAST_ANSWERS_MS = 500

async function open(port: number, address?: string): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.on('error', (error) => process.stderr.write(`${error.message}\n`))
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket
}

async function answer(address: string): Promise<void> {
  for (let i = 0; i < SOCKETS; i++) {
    const socket = await open(FIRST_PORT + i, address)
    socket.on('message', (words, { address: to, port }) => socket.send(words, port, to))
  }
  process.stdout.write('answers\n')
}

async function ask(address: string, perS: number, seconds: number): Promise<void> {
  let [sent, answered] = [0, 0]
  const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => open(0)))
  for (const socket of sockets) socket.on('message', () => void (answered += 1))
  const startedAt = systemClock.monotonic()
  const most = Math.min(perS * seconds, SOCKETS ** 2)
  while (sent < most) {
    const due = Math.min(most, Math.floor(((systemClock.monotonic() - startedAt) * perS) / 1_000))
    for (; sent < due; sent++) {
      // Each pair of ports once.
      sockets[sent % SOCKETS]?.send(WORDS, FIRST_PORT + ((sent + Math.floor(sent / SOCKETS)) % SOCKETS), address)
    }
    await sleep(BEAT_MS)
  }
  await sleep(LAST_ANSWERS_MS)
  process.stdout.write(`${sent} ${answered}\n`)
  for (const socket of sockets) socket.close()
}

const [verb, address = '', perS, seconds] = process.argv.slice(2)
if (verb === 'answer') await answer(address)
else await ask(address, Number(perS), Number(seconds))
