// Names that nobody answers any more.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { FakeClock, memoryLog, settle } from '../../shared/effects.fake.ts'
import { keptNamesMax } from '../../shared/name-limits.ts'
import { createKeptNames } from './kept-names.ts'

const ONE = '203.0.113.1' as Address
const TWO = '2001:db8::2' as Address

function rig(held?: string) {
  const clock = new FakeClock()
  const values = new Map<string, string>(held === undefined ? [] : [['names', held]])
  let writes = 0
  let answer: (() => Promise<readonly Address[]>) | undefined = async () => [ONE, TWO]
  const options = {
    clock,
    log: memoryLog(),
    store: {
      get: (key: string) => values.get(key),
      set(key: string, value: string) {
        writes += 1
        values.set(key, value)
      },
    },
    ask: async (): Promise<readonly Address[]> => {
      if (answer === undefined) throw new Error('no name server')
      return await answer()
    },
  }
  return {
    clock,
    writes: () => writes,
    answer: (next: typeof answer) => (answer = next),
    names: createKeptNames(options),
    again: () => createKeptNames(options),
  }
}

test('what a name gave last outlives the name server and the process, and is written when it changes alone', async () => {
  const one = rig()
  assert.equal(await one.names.resolve('hub.example.org'), [ONE, TWO])
  one.answer(async () => [TWO, ONE])
  assert.equal(await one.names.resolve('hub.example.org'), [TWO, ONE])
  assert.is(one.writes(), 1)
  one.answer(undefined)
  assert.equal(await one.again().resolve('hub.example.org'), [ONE, TWO])
  one.answer(async () => [TWO])
  await one.names.resolve('hub.example.org')
  assert.is(one.writes(), 2)
  one.answer(undefined)
  assert.equal(await one.again().resolve('hub.example.org'), [TWO])
})

test('a name that nobody ever knew stays unknown', async () => {
  const one = rig()
  one.answer(undefined)
  const error = await one.names.resolve('hub.example.org').catch((reason: unknown) => reason)
  assert.match(String(error), /no name server/)
  assert.is(await one.names.through(async () => undefined)('hub.example.org', 443), undefined)
})

test('connections go to the kept address where the name server is dead or says nothing for two seconds', async () => {
  const one = rig()
  const find = one.names.through(async () => undefined)
  assert.is(await find('hub.example.org', 443), undefined, 'the host finds it by itself')
  one.answer(undefined)
  assert.equal(await find('hub.example.org', 443), { address: ONE })
  one.answer(() => new Promise(() => undefined))
  const dialled = find('hub.example.org', 443)
  await settle()
  one.clock.advance(2_000)
  assert.equal(await dialled, { address: ONE })
})

test('addresses, and what an uplink was chosen for, are asked of nobody', async () => {
  const one = rig()
  one.answer(() => Promise.reject(new Error('asked')))
  const by = { local: ONE, address: TWO }
  assert.is(await one.names.through(async () => by)('hub.example.org', 443), by)
  assert.is(await one.names.through(async () => undefined)('203.0.113.9', 443), undefined)
})

test('a disk that takes no writes, or holds nonsense, costs the memory and nothing else', async () => {
  for (const held of ['{"hub.example.org":["nonsense", 5]}', '[', 'null', '7']) {
    const one = rig(held)
    one.answer(undefined)
    const error = await one.names.resolve('hub.example.org').catch((reason: unknown) => reason)
    assert.match(String(error), /no name server/)
  }
})

test('names are bounded', async () => {
  const one = rig()
  for (let i = 0; i <= keptNamesMax; i++) await one.names.resolve(`relay-${i}.example.org`)
  one.answer(undefined)
  const next = one.again()
  assert.is(await next.resolve('relay-0.example.org').catch(() => 'forgotten'), 'forgotten')
  assert.equal(await next.resolve(`relay-${keptNamesMax}.example.org`), [ONE, TWO])
})

test.run()
