// A long TCP transfer between two hosts of the lab, at a bounded rate, with both ends' checksums and every pause it suffered.
//
//   bulk.ts receive PORT                     takes one transfer; a line for each pause, and one with count and checksum
//   bulk.ts send ADDRESS PORT BYTES_PER_S    sends until SIGTERM, then ends the stream and prints count and checksum

import { createCipheriv, createHash } from 'node:crypto'
import { createConnection, createServer, type Socket } from 'node:net'
import { systemClock } from '../../shared/host/clock.ts'

/** Chunks a second: what arrives later than some of them is a pause. */
const BEAT_MS = 20
/** Shorter ones are the machine's, not the network's. */
const PAUSE_MS_MIN = 150

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function receive(port: number): void {
  const server = createServer((socket) => {
    const hash = createHash('sha256')
    let bytes = 0
    let at = systemClock.monotonic()
    socket.on('data', (chunk: Buffer) => {
      const now = systemClock.monotonic()
      if (now - at >= PAUSE_MS_MIN) say(`pause ${Math.round(now - at)}`)
      at = now
      bytes += chunk.length
      hash.update(chunk)
    })
    socket.on('end', () => {
      say(`received ${bytes} ${hash.digest('hex')}`)
      socket.end()
      server.close()
    })
    socket.on('error', (error) => say(`broken ${error.message}`))
  })
  server.listen(port, '::', () => say('serving'))
}

function pump(socket: Socket, bytesPerSecond: number): void {
  // Noise that nothing on the way could compress or guess.
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16))
  const hash = createHash('sha256')
  const zeros = Buffer.alloc(Math.ceil((bytesPerSecond * BEAT_MS) / 1_000))
  let bytes = 0
  const timer = setInterval(() => {
    // What TCP can't get rid of is not piled up.
    if (socket.writableNeedDrain) return
    const chunk = noise.update(zeros)
    bytes += chunk.length
    hash.update(chunk)
    socket.write(chunk)
  }, BEAT_MS)
  process.once('SIGTERM', () => {
    clearInterval(timer)
    socket.end(() => say(`sent ${bytes} ${hash.digest('hex')}`))
  })
}

function send(address: string, port: number, bytesPerSecond: number): void {
  const socket = createConnection({ host: address, port }, () => {
    say('sending')
    pump(socket, bytesPerSecond)
  })
  socket.on('error', (error) => say(`broken ${error.message}`))
}

const [verb, ...words] = process.argv.slice(2)
if (verb === 'receive') receive(Number(words[0]))
else send(words[0] ?? '', Number(words[1]), Number(words[2]))
