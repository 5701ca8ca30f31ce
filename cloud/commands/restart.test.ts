// Commands over a restart of the hub: what came of them stays for a while, what only looks is asked again, and what can't be
// known is said to be so.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { commandLifeMsDefault, commandsKeptMsMax } from '../../shared/command-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { encodeChunks } from '../../shared/wire/sync.ts'
import { device, type World } from '../hub-world.fake.ts'

import { answer, code, given, SESSION, send, state, world } from './command-world.fake.ts'

/** The device comes back later than the hub. */
async function restarted(one: World, awayMs = 0): Promise<void> {
  await one.presence(device(1).nodeId, false, SESSION)
  await one.hub.stop()
  one.clock.advance(awayMs)
  await one.restart()
  one.broker.published.length = 0
}

test('what came of commands is there after a restart of the hub, with files, as long as it is kept', async () => {
  const one = await world()
  const ping = send(one, { kind: 'ping' })
  await answer(one, ping)
  const brought = send(one, { kind: 'bundle' })
  await answer(one, brought, { result: Uint8Array.of(31, 139, 8) })
  const before = one.hub.commands.list()
  await restarted(one)
  assert.equal(one.hub.commands.list(), before)
  assert.equal(one.hub.commands.get(ping.id)?.result, { ok: 1.5 })
  assert.equal(one.hub.commands.file(brought.id)?.bytes, Uint8Array.of(31, 139, 8))
  await restarted(one, commandsKeptMsMax + 1)
  assert.equal([one.hub.commands.list(), one.store.commands(), one.hub.commands.file(brought.id)], [[], [], undefined])
})

test('one that was not answered when the hub went is asked again, once the device is there', async () => {
  const one = await world()
  const asked = send(one)
  await restarted(one, 10_000)
  assert.equal([state(one, asked), given(one)], ['queued', []])
  await one.presence(device(1).nodeId, true, SESSION)
  assert.equal([state(one, asked), given(one).map(({ id }) => id)], ['sent', [asked.id]])
  await answer(one, asked)
  assert.is(state(one, asked), 'answered')
})

test('the rest of an answer from before does not spoil the next one', async () => {
  const one = await world()
  const asked = send(one, { kind: 'bundle' })
  await restarted(one)
  await one.presence(device(1).nodeId, true, SESSION)
  const [, late = utf8('')] = encodeChunks('command', asked.id, new Uint8Array(200_000).fill(7), sha256(utf8('x')))
  await one.say(device(1).nodeId, 'answer', late)
  await answer(one, asked, { result: new Uint8Array(300_000).fill(1) })
  assert.equal([state(one, asked), one.hub.commands.file(asked.id)?.bytes.length], ['answered', 300_000])
})

test('what changes a device is not given twice: its answer is waited for, else it is said to be unknown', async () => {
  const one = await world()
  const first = send(one, { kind: 'rotate-key' })
  await restarted(one, 1_000)
  await one.presence(device(1).nodeId, true, SESSION)
  assert.equal([state(one, first), given(one)], ['sent', []])
  await answer(one, first)
  assert.is(state(one, first), 'answered')
  const second = send(one, { kind: 'rotate-key' })
  await restarted(one, 1_000)
  await one.presence(device(1).nodeId, true, SESSION)
  await one.pass(commandLifeMsDefault)
  const lost = one.hub.commands.get(second.id)
  assert.equal([lost?.state, given(one)], ['expired', []])
  assert.match(lost?.message ?? '', /restarted before alpha answered: whether it was done is not known/)
})

test('one whose time was over while the hub was away is said to be unknown', async () => {
  const one = await world()
  const asked = send(one)
  await restarted(one, 2 * commandLifeMsDefault)
  await one.pass(1)
  assert.equal([state(one, asked), given(one)], ['expired', []])
  assert.match(one.hub.commands.get(asked.id)?.message ?? '', /not known/)
})

test('a disk that is full keeps nothing from being said, and a file that was not kept is not offered', async () => {
  const one = await world()
  const asked = send(one, { kind: 'bundle' })
  const full = () => {
    throw new HoldfastError('failed', 'the disk is full')
  }
  Object.assign(one.store, { putCommand: full })
  await answer(one, asked)
  const said = one.hub.commands.get(asked.id)
  assert.equal([said?.state, said?.file, one.hub.commands.file(asked.id)], ['answered', undefined, undefined])
  assert.match(said?.message ?? '', /could not keep the file/)
  assert.is(
    code(() => send(one)),
    'failed',
  )
})

test.run()
