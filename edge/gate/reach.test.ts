// A connection to a service is one that stands, whichever of its backends the kernel asks first.

import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { gateConnectMs } from '../../shared/service-limits.ts'
import { type Open, reach, type Unreached } from './reach.ts'

const HOME = parseAddress('127.0.0.1')

type Backend = number | 'silent'

/** Leads each connection to the next of these, as a kernel might. */
function leading(...backends: readonly Backend[]) {
  const opened: Socket[] = []
  const open: Open = ({ address }, allowHalfOpen) => {
    const backend = backends[opened.length] ?? 'silent'
    const socket =
      backend === 'silent' ? new Socket() : createConnection({ host: address, port: backend, allowHalfOpen })
    opened.push(socket)
    return socket
  }
  return { open, opened }
}

function reached(open: Open, clock = new FakeClock()) {
  const to = { address: HOME, port: 1 }
  const outcomes: (Socket | Unreached)[] = []
  let seen: () => void = () => undefined
  const first = new Promise<void>((resolve) => (seen = resolve))
  const found = (outcome: Socket | Unreached): void => {
    outcomes.push(outcome)
    seen()
  }
  return { clock, outcomes, first, reaching: reach(to, clock, found, { open }) }
}

async function taker() {
  const server = createServer((socket) => void socket.on('error', () => undefined))
  server.listen(0, HOME)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}

/** However it came to that. */
async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
}

const openStill = (opened: readonly Socket[]): number => opened.filter(({ destroyed }) => !destroyed).length

test('a service that takes the first connection is asked once', async () => {
  const { close, port } = await taker()
  const { open, opened } = leading(port, port)
  const { clock, first, outcomes } = reached(open)
  await first
  assert.is(outcomes[0], opened[0])
  clock.advance(2 * gateConnectMs)
  assert.equal([opened.length, outcomes.length, clock.untilNext()], [1, 1, Number.POSITIVE_INFINITY])
  opened[0]?.destroy()
  close()
})

test('beside a silent backend others are asked, after one second and after three; the first that stands is taken', async () => {
  const { close, port } = await taker()
  const { open, opened } = leading('silent', 'silent', port)
  const { clock, first, outcomes } = reached(open)
  const asked = [999, 1, 1_999, 1].map((ms) => {
    clock.advance(ms)
    return opened.length
  })
  assert.equal(asked, [1, 2, 2, 3])
  await first
  assert.is(outcomes[0], opened[2])
  assert.is(openStill(opened), 1)
  opened[2]?.destroy()
  close()
})

test('one that refuses is followed by the next at once, and by an end where all three refuse', async () => {
  const [{ close, port }, nobody] = [await taker(), await ownPort()]
  const one = leading(nobody, port)
  const second = reached(one.open)
  await second.first
  assert.is(second.outcomes[0], one.opened[1])
  one.opened[1]?.destroy()
  const none = leading(nobody, nobody, nobody, port)
  const third = reached(none.open)
  await third.first
  assert.equal(third.outcomes, ['refused'])
  assert.equal([none.opened.length, third.clock.untilNext()], [3, Number.POSITIVE_INFINITY])
  close()
})

test('where nobody says anything the end is silence, though another refused', async () => {
  const nobody = await ownPort()
  const { open, opened } = leading('silent', nobody, 'silent')
  const { clock, outcomes } = reached(open)
  clock.advance(1_000)
  const [, refusing] = opened
  assert.ok(refusing)
  await closed(refusing)
  assert.is(opened.length, 3)
  clock.advance(gateConnectMs - 1_001)
  assert.equal(outcomes, [])
  clock.advance(1)
  assert.equal(outcomes, ['silent'])
  assert.is(openStill(opened), 0)
})

test('who gives up is told nothing more, and nothing is left open', async () => {
  const { close, port } = await taker()
  const { open, opened } = leading(port)
  const { clock, outcomes, reaching } = reached(open)
  reaching.cancel()
  clock.advance(gateConnectMs)
  const [socket] = opened
  assert.ok(socket)
  await closed(socket)
  assert.equal([outcomes.length, opened.length, openStill(opened)], [0, 1, 0])
  close()
})

test('the real way opens a connection that may stay half open where that is asked for', async () => {
  const { close, port } = await taker()
  for (const allowHalfOpen of [false, true]) {
    const outcome = await new Promise<Socket | Unreached>((resolve) => {
      reach({ address: HOME, port }, systemClock, resolve, { allowHalfOpen })
    })
    if (typeof outcome === 'string') throw new Error(outcome)
    assert.equal([outcome.remotePort, outcome.allowHalfOpen], [port, allowHalfOpen])
    outcome.destroy()
  }
  close()
})

test.run()
