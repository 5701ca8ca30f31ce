// Whom the resolver asks for names that are not the mesh's: inside a further network name servers of the exit, and nobody else.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { FakeClock, memoryLog, settle } from '../../shared/effects.fake.ts'
import type { Name } from '../../shared/ids.ts'
import { parseWith, specs } from '../../shared/intent/resource.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { createFakeHostResolver } from '../drivers/host-resolver.fake.ts'
import type { NameDoors, NameServerOptions } from './doors.ts'
import { createOwnNames } from './own-names.ts'

const [OWN, PEER] = ['10.77.0.1', '10.77.0.2']
const out = {
  nodes: { matchLabels: { role: 'till' } },
  via: { matchLabels: { role: 'exit' } },
  resolvers: ['9.9.9.9', '149.112.112.112'],
}

/** For an address of `www.example.org`. */
const QUESTION = Buffer.concat([
  Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
  ...['www', 'example', 'org'].map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
  Buffer.from([0, 0, 1, 0, 1]),
])
const REFUSED = 5

async function rig({ exits = true, host }: { exits?: boolean } & Pick<NameDoors, 'host'> = {}) {
  const plain = fakeRecords({
    nodes: [
      { name: 'self', labels: { role: 'till' }, addresses: [OWN] },
      { name: 'gate', labels: { role: 'exit' }, addresses: [PEER] },
    ],
  })
  const records = exits ? { ...plain, exits: [{ name: 'out' as Name, spec: parseWith(specs.Exit, out) }] } : plain
  const asked: string[] = []
  let opened: NameServerOptions | undefined
  const clock = new FakeClock()
  const names = createOwnNames(
    {
      log: memoryLog(),
      settings: { interface: 'hf-blue' },
      names: {
        port: 53,
        local: () => new Set([OWN]),
        ...(host === undefined ? {} : { host }),
        async open(options) {
          opened = options
          return { follow: async () => undefined, refused: () => new Map<Address, string>(), close: () => undefined }
        },
        async ask({ host: at }, question) {
          asked.push(at)
          return Buffer.from([...question.subarray(0, 2), 0x81, 0x80, ...question.subarray(4)])
        },
      },
    },
    {
      clock,
      health: { raise: () => undefined, clear: () => undefined },
      holding: { inForce: () => ({ parsed: { records }, version: { revision: 1 } }) as never },
      members: { me: () => records.nodes.find(({ name }) => name === 'self') },
    },
  )
  names.follow()
  await settle()
  const answerTo = async (from: string): Promise<number> => {
    const answer = await opened?.answer(QUESTION, 'udp', parseAddress(from))
    return (answer?.[3] ?? 0xf) & 0xf
  }
  return { asked, answerTo }
}

test('programs inside are answered by a name server of the exit', async () => {
  const { answerTo, asked } = await rig()
  assert.is(await answerTo(OWN), 0)
  assert.ok(asked.length > 0 && asked.every((at) => out.resolvers.includes(at)), asked.join(' '))
})

test('peers are not, and neither is anybody without an exit', async () => {
  const one = await rig()
  assert.is(await one.answerTo(PEER), REFUSED)
  const other = await rig({ exits: false })
  assert.is(await other.answerTo(OWN), REFUSED)
  assert.equal([...one.asked, ...other.asked], [])
})

test('on the host itself whoever is asked there stays so', async () => {
  const { answerTo, asked } = await rig({
    host: { choice: 'off', open: async () => createFakeHostResolver('nameserver 192.0.2.53\n') },
  })
  assert.is(await answerTo(OWN), REFUSED)
  assert.equal(asked, [])
})

test.run()
