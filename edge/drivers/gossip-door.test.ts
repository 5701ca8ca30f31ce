// The door on real sockets does what every door does; and strangers, noise and silence cost little.

import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../shared/host/clock.ts'
import { connectUnproven } from '../../shared/host/pinned-tls.ts'
import { gossipLanPerHostMax } from '../../shared/limits.ts'
import { createEcho, type Echo } from '../echo/echo.ts'
import { type DoorBench, doorConformance } from '../gossip/conformance.fake.ts'
import type { GossipDoor, GossipSelf } from '../gossip/doors.ts'
import { type TestDevice, testDevice, testNetwork } from '../link/hub.fake.ts'
import { createGossipDoor } from './gossip-door.ts'

const awake = setInterval(() => undefined, 1_000)
test.after(() => clearInterval(awake))

/** Free for TCP on all addresses now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, () => resolve()))
  const { port } = server.address() as { readonly port: number }
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

function selfOf(device: TestDevice): Omit<GossipSelf, 'datagrams'> {
  return { network: testNetwork, self: device.nodeId, signer: device.signer, clock, entropy, log: memoryLog() }
}

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !done(); i++) await sleep(5)
  assert.ok(done(), 'it came in time')
}

async function bench(): Promise<DoorBench> {
  const [meshPort, lanPort] = [await freePort(), await freePort()]
  const doors: GossipDoor[] = []
  const echoes: Echo[] = []
  return {
    door(device, { mesh }) {
      let hear: ((bytes: Uint8Array, from: string) => void) | undefined
      const echo = createEcho({
        port: meshPort,
        addresses: () => [mesh],
        isMember: () => true,
        clock,
        entropy,
        log: memoryLog(),
        onOther: (bytes, from) => hear?.(new Uint8Array(bytes), from),
      })
      echo.start()
      echoes.push(echo)
      const datagrams: GossipSelf['datagrams'] = {
        listen: (onDatagram) => void (hear = onDatagram),
        send: (bytes, to) => echo.send(bytes, to),
      }
      const door = createGossipDoor({ ...selfOf(device), datagrams, meshPort, lanPort })
      doors.push(door)
      return door
    },
    until,
    async close() {
      for (const door of doors) await door.close()
      for (const echo of echoes) await echo.close()
    },
  }
}

doorConformance('on sockets', bench)

async function listening(): Promise<{ readonly door: GossipDoor; readonly port: number; readonly heard: string[] }> {
  const [meshPort, lanPort] = [await freePort(), await freePort()]
  const heard: string[] = []
  const [me, friend] = [testDevice('me', 3), testDevice('friend', 4)]
  const datagrams = { listen: () => undefined, send: () => undefined }
  const door = createGossipDoor({ ...selfOf(me), datagrams, meshPort, lanPort })
  door.open({
    addresses: () => [],
    keyOf: (node) => (node === friend.nodeId ? friend.deviceKey : undefined),
    isNextDoor: (address) => address.startsWith('127.'),
    onDatagram: () => undefined,
    onChannel(caller) {
      heard.push(caller.type)
      return { onFrame: () => undefined, onClosed: () => undefined }
    },
  })
  return { door, port: lanPort, heard }
}

test('a stranger on the LAN proves nothing and gets nowhere, whatever it says', async () => {
  const { door, heard, port } = await listening()
  const target = { host: '127.0.0.1', port, timeoutMs: 3_000, protocols: ['holdfast-gossip/1'] }
  for (const words of [entropy.bytes(80), new Uint8Array(80), entropy.bytes(5_000)]) {
    const socket = await connectUnproven(target)
    const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))
    socket.on('error', () => undefined).resume()
    socket.write(words)
    await closed
  }
  assert.equal(heard, [])
  await door.close()
})

test('of one address only a few connections stand at a time, and from beyond the links none', async () => {
  const { door, port } = await listening()
  await sleep(50)
  let standing = 0
  const sockets = Array.from({ length: 3 * gossipLanPerHostMax }, () => {
    const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined)
    socket.once('connect', () => (standing += 1)).once('close', () => (standing -= 1))
    return socket
  })
  await sleep(300)
  assert.is(standing, gossipLanPerHostMax)
  for (const socket of sockets) socket.destroy()
  await door.close()
})

test('a device that shows another key than its record’s is refused', async () => {
  const { door, port } = await listening()
  const impostor = testDevice('impostor', 9)
  const datagrams = { listen: () => undefined, send: () => undefined }
  const other = createGossipDoor({ ...selfOf(testDevice('friend', 4)), datagrams, meshPort: 1, lanPort: port })
  const keyOf = () => impostor.deviceKey
  other.open({
    addresses: () => [],
    keyOf,
    isNextDoor: () => true,
    onDatagram: () => undefined,
    onChannel: () => undefined,
  })
  const place = { type: 'lan', host: '127.0.0.1' as Address, node: impostor.nodeId } as const
  const error = await other
    .dial(place, { onFrame: () => undefined, onClosed: () => undefined })
    .catch((e: unknown) => e)
  assert.ok(isHoldfastError(error, 'untrusted'))
  await door.close()
  await other.close()
})

test('a datagram from another port than the agents’ is nobody’s word', async () => {
  const port = await freePort()
  let heard = 0
  const options = { port, isMember: () => true, clock, entropy, log: memoryLog() }
  const echo = createEcho({ ...options, addresses: () => ['127.0.0.21'], onOther: () => void (heard += 1) })
  echo.start()
  const stranger = createSocket('udp4')
  const peer = createEcho({ ...options, addresses: () => ['127.0.0.22'] })
  peer.start()
  await sleep(50)
  await new Promise<void>((resolve) => stranger.send(Uint8Array.of(1), port, '127.0.0.21', () => resolve()))
  await until(() => {
    peer.send(Uint8Array.of(2), '127.0.0.21')
    return heard > 0
  })
  stranger.close()
  await echo.close()
  await peer.close()
})

test.run()
