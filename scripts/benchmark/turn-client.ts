// Binds a TURN channel to a peer (RFC 8656) and ends: whoever sends from the same port afterwards is relayed, with four bytes in
// front of each packet. Only as much of TURN as a server without authentication asks for.
//
//   turn-client.ts SERVER PORT SOURCE-PORT PEER PEER-PORT     prints "bound"

import { createSocket } from 'node:dgram'
import { concat } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemEntropy } from '../../shared/host/clock.ts'
import { turnChannel } from './turn-channel.ts'

const ALLOCATE = 0x0003
const CHANNEL_BIND = 0x0009
const SUCCESS = 0x0100
const COOKIE = 0x2112a442
const CHANNEL_NUMBER = 0x000c
const XOR_PEER_ADDRESS = 0x0012
const REQUESTED_TRANSPORT = 0x0019
const UDP = 17
const PATIENCE_MS = 2_000

const [server = '', port = '', sourcePort = '', peer = '', peerPort = ''] = process.argv.slice(2)
const socket = createSocket('udp4')

function attribute(type: number, value: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(value.length, 2)
  return concat(head, value)
}

function request(method: number, attributes: readonly Uint8Array[]): Uint8Array {
  const body = concat(...attributes)
  const head = Buffer.alloc(8)
  head.writeUInt16BE(method, 0)
  head.writeUInt16BE(body.length, 2)
  head.writeUInt32BE(COOKIE, 4)
  return concat(head, systemEntropy.bytes(12), body)
}

/** Address and port, each exclusive-or the cookie (RFC 8489 §14.2). */
function xorAddress(address: string, at: number): Uint8Array {
  const value = Buffer.alloc(8)
  value.writeUInt16BE(1, 0)
  value.writeUInt16BE(at ^ (COOKIE >>> 16), 2)
  const plain = Buffer.from(address.split('.').map(Number)).readUInt32BE()
  value.writeUInt32BE((plain ^ COOKIE) >>> 0, 4)
  return value
}

function ask(method: number, attributes: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new HoldfastError('failed', `the TURN server: ${why}`))
    const timer = setTimeout(() => fail('no answer'), PATIENCE_MS)
    socket.once('message', (answer) => {
      clearTimeout(timer)
      if (answer.readUInt16BE(0) === (method | SUCCESS)) resolve()
      else fail(`refused with ${answer.toString('hex')}`)
    })
    socket.send(request(method, attributes), Number(port), server)
  })
}

await new Promise<void>((resolve) => socket.bind(Number(sourcePort), resolve))
await ask(ALLOCATE, [attribute(REQUESTED_TRANSPORT, Uint8Array.of(UDP, 0, 0, 0))])
const channel = Buffer.alloc(4)
channel.writeUInt16BE(turnChannel, 0)
await ask(CHANNEL_BIND, [
  attribute(CHANNEL_NUMBER, channel),
  attribute(XOR_PEER_ADDRESS, xorAddress(peer, Number(peerPort))),
])
process.stdout.write('bound\n')
socket.close()
