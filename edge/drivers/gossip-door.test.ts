// The door on real sockets does what every door does; and strangers, noise and silence cost little.

import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../shared/host/clock.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
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
function selfOf(device: TestDevice): Omit<GossipSelf, 'datagrams'> {
  return { network: testNetwork, self: device.nodeId, signer: device.signer, clock, entropy, log: memoryLog() }
}

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 8_000 && !done(); i++) await sleep(5)
  assert.ok(done(), 'it came in time')
}

async function bench(): Promise<DoorBench> {
  const [meshPort, lanPort] = [await ownPort(), await ownPort()]
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
  const [meshPort, lanPort] = [await ownPort(), await ownPort()]
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
  const target = { host: '127.0.0.1', port, timeoutMs: 30_000, protocols: ['holdfast-gossip/1'] }
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
  let [connected, closed] = [0, 0]
  const sockets: Socket[] = []
  const dial = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined)
      socket.once('connect', () => (connected += 1)).once('close', () => (closed += 1))
      sockets.push(socket.resume())
    }
  }
  const beyond = 2 * gossipLanPerHostMax
  dial(gossipLanPerHostMax + beyond)
  await until(() => connected === sockets.length && closed >= beyond)
  // They are taken in the order they came: when one more was turned away, all before it were judged.
  dial(1)
  await until(() => closed > beyond)
  assert.is(connected - closed, gossipLanPerHostMax)
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
  const port = await ownPort()
  const heard: number[] = []
  const options = { port, isMember: () => true, clock, entropy, log: memoryLog() }
  const onOther = (bytes: Uint8Array): void => void heard.push(bytes[0] ?? 0)
  const echo = createEcho({ ...options, addresses: () => ['127.0.0.21'], onOther })
  echo.start()
  const stranger = createSocket('udp4')
  const peer = createEcho({ ...options, addresses: () => ['127.0.0.22'] })
  peer.start()
  const hears = (word: number): Promise<void> =>
    until(() => {
      peer.send(Uint8Array.of(word), '127.0.0.21')
      return heard.includes(word)
    })
  // Only now both listen for sure.
  await hears(2)
  await new Promise<void>((resolve) => stranger.send(Uint8Array.of(1), port, '127.0.0.21', () => resolve()))
  // Loopback keeps the order: what the stranger said came before.
  await hears(3)
  assert.not(heard.includes(1))
  stranger.close()
  await echo.close()
  await peer.close()
})

test.run()
