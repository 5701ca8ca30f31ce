// Real sockets, asked by a real resolver: by UDP, by TCP where an answer is too long, and by whoever means ill.

import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { createLog } from '../../shared/host/log.ts'
import { loopbacks } from '../../shared/host/loopback.fake.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { nameConnectionsMax, nameQuestionBytesMax } from '../../shared/name-limits.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { respond } from '../names/wire.ts'
import { type Zone, zoneOf } from '../names/zone.ts'
import { createNameServer } from './name-server.ts'

const log = createLog({ level: 'error', format: 'text', now: () => 0 })
const HERE = parseAddress('127.0.0.1')
/** Another address of this host: of the other family where it has one. */
const THERE = parseAddress(loopbacks()[1] ?? '127.0.0.2')

const intent = {
  network: { cidr: '10.77.0.0/20', cidr6: 'fd77::/64' },
  nodes: [{ name: 'alpha-1', addresses: ['10.77.0.1', 'fd77::1'] }],
}
const crowd = Array.from({ length: 60 }, (_, at) => parseAddress(`10.77.1.${at + 1}`))
const plain = zoneOf(fakeRecords(intent), 1) as Zone
const zone: Zone = { ...plain, hosts: new Map([...plain.hosts, ['crowd.mesh.internal', crowd]]) }

async function withServer(
  run: (
    port: number,
    follow: (addresses: readonly Address[]) => Promise<void>,
    refused: () => ReadonlyMap<Address, string>,
  ) => Promise<void>,
): Promise<void> {
  const port = await ownPort()
  const server = createNameServer({ port, log, answer: async (question, by) => respond(zone, question, by) })
  await server.follow([HERE, THERE])
  try {
    await run(
      port,
      (addresses) => server.follow(addresses),
      () => server.refused(),
    )
  } finally {
    server.close()
  }
}

function resolverAt(...servers: readonly string[]): Resolver {
  const resolver = new Resolver({ timeout: 10_000, tries: 3 })
  resolver.setServers(servers)
  return resolver
}

test('a resolver finds nodes both ways, over both families', async () => {
  await withServer(async (port) => {
    for (const place of [`${HERE}:${port}`, THERE.includes(':') ? `[${THERE}]:${port}` : `${THERE}:${port}`]) {
      const resolver = resolverAt(place)
      assert.equal(await resolver.resolve4('alpha-1.mesh.internal'), ['10.77.0.1'])
      assert.equal(await resolver.resolve6('Alpha-1.Mesh.Internal'), ['fd77::1'])
      assert.equal(await resolver.reverse('fd77::1'), ['alpha-1.mesh.internal'])
      const codes = await Promise.all(
        ['nobody.mesh.internal', 'example.com'].map((name) =>
          resolver.resolve4(name).catch(({ code }) => code as string),
        ),
      )
      assert.equal(codes, ['ENOTFOUND', 'EREFUSED'])
    }
  })
})

test('what is too long comes by TCP', async () => {
  await withServer(async (port) => {
    const found = await resolverAt(`127.0.0.1:${port}`).resolve4('crowd.mesh.internal')
    assert.is(found.length, 60)
  })
})

/** How a connection ends that says that; undefined where it goes on. */
async function ends(port: number, bytes: Uint8Array): Promise<boolean> {
  const socket = connect({ host: HERE, port })
  socket.on('error', () => undefined)
  socket.write(bytes)
  await once(socket, 'close')
  return true
}

test('who says more than a question, or no question, is hung up on', async () => {
  await withServer(async (port) => {
    const tooLong = Buffer.alloc(2)
    tooLong.writeUInt16BE(nameQuestionBytesMax + 1)
    assert.ok(await ends(port, tooLong))
    assert.ok(await ends(port, Buffer.from([0, 3, 1, 2, 3])))
  })
})

test('questions that come in pieces, and several at once, are answered in order', async () => {
  await withServer(async (port) => {
    const resolver = resolverAt(`127.0.0.1:${port}`)
    const all = await Promise.all(
      Array.from({ length: nameConnectionsMax }, () => resolver.resolve4('crowd.mesh.internal')),
    )
    assert.ok(all.every((found) => found.length === 60))
  })
})

test('it listens where it is told, says where it can’t, and takes a port as soon as it is free', async () => {
  await withServer(async (port, follow, refused) => {
    await follow([THERE, parseAddress('192.0.2.1')])
    assert.equal([...refused().keys()], ['192.0.2.1'])
    const other = createSocket('udp4')
    other.bind(port, HERE)
    await once(other, 'listening')
    await follow([THERE, HERE])
    assert.equal([...refused().keys()], [HERE])
    other.close()
    await once(other, 'close')
    await follow([THERE, HERE])
    assert.is(refused().size, 0)
    assert.equal(await resolverAt(`127.0.0.1:${port}`).resolve4('alpha-1.mesh.internal'), ['10.77.0.1'])
  })
})

test.run()
