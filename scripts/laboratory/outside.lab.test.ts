// Who asked at a published port, as the kernel tells it of real packets: the ends that a flow came with and those that it goes on
// with, over both protocols and families, over a table of services that is laid anew, and for a process that comes later.

import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../../edge/drivers/command.ts'
import { createNftOutside } from '../../edge/drivers/nft-outside.ts'
import { renderServices, servicesTableName } from '../../edge/plan/nft-services.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { testInOwnNamespace } from './own-namespace.ts'

const [PORT, ASKED] = [8_080, 80]
/** All are this host's own, so that no packet leaves it: what goes out goes out by `lo`. */
const MESH = 'lo'
const CASES = [
  { virtual: '10.9.0.100', client: '10.9.0.150', backend: '10.9.0.2', bits: 24 },
  { virtual: 'fd09::100', client: 'fd09::150', backend: 'fd09::2', bits: 64 },
] as const

function lead(): void {
  const ways = CASES.flatMap(({ backend, virtual }) =>
    (['tcp', 'udp'] as const).map((protocol) => {
      const to = [{ address: parseAddress(backend), port: PORT }]
      return { virtual: parseAddress(virtual), protocol, port: ASKED, to }
    }),
  )
  const virtual = CASES.map((one) => parseAddress(one.virtual))
  const clear = `add table inet ${servicesTableName}\ndelete table inet ${servicesTableName}\n`
  const input = clear + renderServices({ interface: MESH, virtual, ways, lost: [] })
  execFileSync('nft', ['-f', '-'], { input })
}

/** The port of the client. */
async function askTcp(host: string, localAddress: string): Promise<number> {
  const socket = createConnection({ host, port: ASKED, localAddress })
  await once(socket, 'connect', { signal: AbortSignal.timeout(20_000) })
  const { localPort = 0 } = socket
  socket.resetAndDestroy()
  return localPort
}

async function askUdp(host: string, localAddress: string): Promise<number> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, localAddress)
  await once(socket, 'listening')
  const answer = once(socket, 'message', { signal: AbortSignal.timeout(20_000) })
  socket.send('?', ASKED, host)
  await answer
  const { port } = socket.address()
  socket.close()
  return port
}

testInOwnNamespace('outside', import.meta.url, () => {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  for (const { backend, bits, client } of CASES)
    for (const own of [backend, client])
      execFileSync('ip', ['address', 'add', `${own}/${bits}`, 'dev', MESH, ...(bits === 64 ? ['nodad'] : [])])
  for (const { bits, virtual } of CASES)
    execFileSync('ip', ['route', 'add', `${virtual}/${bits === 64 ? 128 : 32}`, 'dev', MESH])
  const run = createRunner(memoryLog())

  test('both ends of what was led are known, for as long as the table stands, and nothing is left in the end', async () => {
    const servers = CASES.map(({ backend }) =>
      createServer((socket) => void socket.on('error', () => undefined)).listen(PORT, backend),
    )
    const answering = CASES.map(({ backend }) => {
      const socket = createSocket(backend.includes(':') ? 'udp6' : 'udp4').bind(PORT, backend)
      return socket.on('message', (words, from) => socket.send(words, from.port, from.address))
    })
    await Promise.all([...servers, ...answering].map((one) => once(one, 'listening')))
    lead()
    const driver = createNftOutside(run, MESH)
    assert.equal(await driver.read(), [])
    const wanted: object[] = []
    for (const { backend, client, virtual } of CASES) {
      for (const [protocol, ask] of [
        [6, askTcp],
        [17, askUdp],
      ] as const) {
        const port = await ask(virtual, client)
        const goes = { by: port, backend, backendPort: PORT }
        wanted.push({
          protocol,
          source: client,
          sourcePort: port,
          ...goes,
          destination: virtual,
          destinationPort: ASKED,
        })
      }
    }
    // What was not led is no matter of it.
    const past = createConnection({ host: CASES[0].backend, port: PORT, localAddress: CASES[0].client })
    await once(past, 'connect', { signal: AbortSignal.timeout(20_000) })
    past.resetAndDestroy()
    lead()
    for (const reader of [driver, createNftOutside(run, MESH)]) {
      const told = await reader.read()
      assert.is(told.length, wanted.length)
      for (const one of wanted)
        assert.ok(
          told.some(
            (led) => JSON.stringify(led, Object.keys(one).sort()) === JSON.stringify(one, Object.keys(one).sort()),
          ),
          JSON.stringify([one, told]),
        )
    }
    await driver.remove()
    execFileSync('nft', ['delete', 'table', 'inet', servicesTableName])
    assert.is((await run('nft', ['list', 'ruleset'])).trim(), '')
    for (const one of [...servers, ...answering]) one.close()
  })
})
