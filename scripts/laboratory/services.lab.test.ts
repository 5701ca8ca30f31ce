// The table of services at work: it is replaced while connections are opened, and none is lost; clients stay with their backend
// where they are to, however often it is replaced; UDP that was led to a backend that is gone is led anew, though it goes on
// from the same port, and others stay where they are.

import { execFileSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeHoldfastBpf } from '../../build/holdfast-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import { createRunner } from '../../edge/drivers/command.ts'
import { endConnections } from '../../edge/drivers/end-connections.ts'
import { renderServices, servicesTableName } from '../../edge/plan/nft-services.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { describeError } from '../../shared/errors.ts'
import { testInOwnNamespace } from './own-namespace.ts'

const PORT = 5_300
/** One after the other, by each of those that open them at once. */
const CONNECTIONS = 50
const [VIRTUAL, OTHER, AFFINE] = ['10.9.0.100', '10.9.0.101', '10.9.0.102']
const BACKENDS = ['10.9.0.2', '10.9.0.3', '10.9.0.4']
/** So many that all backends have some: that one of three has none of 24 is one in 5,000 by lot, and here always the same. */
const CLIENTS = Array.from({ length: 24 }, (_, at) => `10.9.0.${at + 150}`)
/** All are this host's own, so that no packet leaves it. */
const UP = ['link set lo up', 'link add hf0 type veth peer name far', 'link set far up', 'link set hf0 up']

/** Answers with its own address. */
async function answering(address: string): Promise<Socket> {
  const server = await bound(address, PORT)
  return server.on('message', (_, from) => server.send(address, from.port, from.address))
}

/** Who answers each client, by a flow of its own. */
async function met(): Promise<readonly string[]> {
  return Promise.all(
    CLIENTS.map(async (address) => {
      const socket = await bound(address, 0)
      const answer = await asked(socket, AFFINE)
      socket.close()
      return answer
    }),
  )
}

async function bound(address: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket
}

/** Who answers at the virtual address. */
async function asked(socket: Socket, address: string): Promise<string> {
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(20_000) })
  socket.send('?', 53, address)
  return String((await answer)[0])
}

/** Both services are served by these backends, and a third one by who its client is. */
function leadTo(...backends: readonly string[]): void {
  const to = backends.map((backend) => ({ address: parseAddress(backend), port: PORT }))
  const virtual = [VIRTUAL, OTHER].map((address) => parseAddress(address))
  const ways = (['udp', 'tcp'] as const).flatMap((protocol) =>
    virtual.map((one) => ({ virtual: one, protocol, port: 53, to })),
  )
  const affine = { virtual: parseAddress(AFFINE), protocol: 'udp', port: 53, byClient: true, to } as const
  const all = { virtual: [...virtual, affine.virtual], ways: [...ways, affine] }
  const text = renderServices({ interface: 'hf0', ...all, lost: [] })
  const clear = `add table inet ${servicesTableName}\ndelete table inet ${servicesTableName}\n`
  execFileSync('nft', ['-f', '-'], { input: clear + text })
}

/** Why a connection to the virtual address did not come to be; undefined where it did. */
async function visited(): Promise<string | undefined> {
  const socket = createConnection({ host: VIRTUAL, port: 53 })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(20_000) })
    return undefined
  } catch (error) {
    return describeError(error)
  } finally {
    socket.resetAndDestroy()
  }
}

function lay(): void {
  for (const line of UP) execFileSync('ip', line.split(' '))
  for (const address of [...BACKENDS, ...CLIENTS]) execFileSync('ip', ['address', 'add', `${address}/24`, 'dev', 'hf0'])
}

testInOwnNamespace('services', import.meta.url, () => {
  lay()
  test('the table is replaced under connections that are being opened, and none of them is lost', async () => {
    const server = createServer((socket) => void socket.on('error', () => undefined)).listen(PORT, '0.0.0.0')
    await once(server, 'listening')
    leadTo(...BACKENDS)
    /** Those of the others are on their way while it is replaced. */
    const opening = async (): Promise<void> => {
      for (let opened = 0; opened < CONNECTIONS; opened++) {
        if (opened % 10 === 0) leadTo(...BACKENDS.slice(opened % 20 === 0 ? 0 : 1))
        assert.is(await visited(), undefined)
      }
    }
    await Promise.all(Array.from({ length: 8 }, opening))
    server.close()
  })

  test('a client stays with its backend, and those alone move whose backend is gone', async () => {
    const servers = await Promise.all(BACKENDS.map(answering))
    leadTo(...BACKENDS)
    const first = await met()
    assert.equal([...new Set(first)].sort(compareText), BACKENDS)
    for (let time = 0; time < 4; time++) {
      leadTo(...BACKENDS.toReversed())
      assert.equal(await met(), first)
    }
    const [gone = '', ...others] = BACKENDS
    leadTo(...others)
    const then = await met()
    for (const [at, who] of first.entries()) {
      if (who === gone) assert.ok(others.includes(then[at] ?? ''))
      else assert.is(then[at], who)
    }
    leadTo(...BACKENDS)
    assert.equal(await met(), first)
    for (const socket of servers) socket.close()
  })

  const made = makeHoldfastBpf(hostTarget())
  if (typeof made === 'string') {
    process.stdout.write(`skip: ${made}\n`)
    return
  }
  test('flows of a backend that is gone are ended, and no others', async () => {
    const servers = await Promise.all(BACKENDS.map(answering))
    const clients = [await bound('0.0.0.0', 40_001), await bound('0.0.0.0', 40_002)] as const
    const [first = '', second = ''] = BACKENDS
    const both = async (): Promise<readonly string[]> => [
      await asked(clients[0], VIRTUAL),
      await asked(clients[1], OTHER),
    ]
    leadTo(first)
    assert.equal(await both(), [first, first])
    leadTo(second)
    assert.equal(await both(), [first, first], 'a flow stays where it is')
    const gone = [{ virtual: parseAddress(VIRTUAL), backend: parseAddress(first) }]
    const log = memoryLog()
    await endConnections(gone, made.path, createRunner(log), log)
    assert.equal(await both(), [second, first])
    // Nothing to end is no fault, and neither is a build that can't.
    await endConnections(gone, made.path, createRunner(log), log)
    await endConnections(gone, undefined, createRunner(log), log)
    assert.equal(await both(), [second, first])
    for (const socket of [...servers, ...clients]) socket.close()
  })
})
