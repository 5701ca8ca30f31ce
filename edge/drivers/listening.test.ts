// Who has a port, by what the kernel itself says, and by what it said elsewhere.

import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseListening, readListening } from './listening.ts'

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const row = (own: string, state: string, inode: number): string =>
  `   0: ${own} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000 100 0 0 10 0\n`

test('tables of the kernel are read, in both families, and only for what is asked', () => {
  const tcp = HEAD + row('0100007F:0016', '0A', 7) + row('00000000:0050', '0A', 8) + row('00000000:0050', '01', 9)
  assert.equal(parseListening(tcp, 'tcp', new Set([22, 80])), [
    { protocol: 'tcp', port: 22, address: '127.0.0.1', inode: '7' },
    { protocol: 'tcp', port: 80, inode: '8' },
  ])
  assert.equal(parseListening(tcp, 'tcp', new Set([443])), [])
  const six =
    HEAD +
    row('0000000000000000FFFF00000101A8C0:0035', '07', 1) +
    row('B80D0120000000000000000001000000:0035', '07', 2) +
    row('00000000000000000000000000000000:0035', '07', 3)
  assert.equal(
    parseListening(six, 'udp', new Set([53])).map(({ address }) => address),
    ['192.168.1.1', '2001:db8::1', undefined],
  )
  assert.equal(parseListening('', 'udp', new Set([53])), [])
})

test('programs of this very machine are found by their ports, and called by their names', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  const socket = createSocket('udp6').bind(0, '::')
  await Promise.all([once(server, 'listening'), once(socket, 'listening')])
  const [tcp, udp] = [(server.address() as AddressInfo).port, socket.address().port]
  const program = readFileSync('/proc/self/comm', 'utf8').trim()
  const found = readListening([
    { protocol: 'tcp', port: tcp },
    { protocol: 'udp', port: udp },
  ])
  assert.equal(
    found.filter((one) => one.program === program),
    [
      { protocol: 'tcp', port: tcp, address: '127.0.0.1', program },
      { protocol: 'udp', port: udp, program },
    ],
  )
  server.close()
  socket.close()
  assert.equal(readListening([]), [])
})

test('what this process started itself is left out', async () => {
  const script = "require('net').createServer().listen(0,'127.0.0.1',function(){console.log(this.address().port)})"
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  assert.equal(readListening([{ protocol: 'tcp', port: Number(port) }]), [])
  child.kill('SIGKILL')
  await once(child, 'close')
})

test.run()
