// Commands at the hub: given to who is there, kept for who comes back in time, believed from the device itself, and bounded.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import {
  commandLifeMsDefault,
  commandResultBytesMax,
  commandResultsBytesMax,
  commandsKeptMax,
} from '../../shared/command-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { parseName } from '../../shared/ids.ts'
import { encodeChunks } from '../../shared/wire/sync.ts'
import { admin, createWorld, device, resource } from '../hub-world.fake.ts'

import { answer, code, given, SESSION, send, state, world } from './command-world.fake.ts'

test('a command is signed for the present life of the device, answered, told of and audited', async () => {
  const one = await world()
  const asked = send(one, { kind: 'ping', peer: parseName('beta'), count: 2 })
  assert.is(asked.state, 'sent')
  await one.pass(40)
  const [command] = given(one)
  assert.equal([command?.id, command?.session, command?.kind, command?.peer], [asked.id, SESSION, 'ping', 'beta'])
  await answer(one, asked)
  const done = one.hub.commands.get(asked.id)
  assert.equal([done?.state, done?.result, done?.tookMs, done?.by], ['answered', { ok: 1.5 }, 40, 'admin'])
  const events = one.events.flatMap((event) =>
    event.type === 'command' ? [`${event.name} ${event.kind} ${event.state}`] : [],
  )
  assert.equal(events, ['alpha ping sent', 'alpha ping answered'])
  const rows = one.hub.audit(9, { target: 'node/alpha' }).filter(({ verb }) => verb.startsWith('command'))
  assert.equal(
    rows.map(({ actor, verb }) => `${actor} ${verb}`),
    ['alpha command-answered', 'admin command'],
  )
  assert.equal(one.hub.commands.figures(), { open: 0, ended: { answered: 1, failed: 0, refused: 0, expired: 0 } })
})

test('serials only rise, so that the device takes none twice', async () => {
  const one = await world()
  const first = send(one)
  await answer(one, first)
  await answer(one, send(one))
  const [a, b] = given(one)
  assert.ok(a && b && b.serial > a.serial && a.id !== b.id)
})

test('one for a device that is away waits for it, and expires in words', async () => {
  const one = await world()
  await one.presence(device(1).nodeId, false, SESSION)
  const lost = send(one)
  assert.is(lost.state, 'queued')
  await one.pass(commandLifeMsDefault)
  assert.is(state(one, lost), 'expired')
  assert.match(one.hub.commands.get(lost.id)?.message ?? '', /away all the while/)
  const asked = send(one)
  await one.presence(device(1).nodeId, true, 'sessionbbbbbbbbb')
  assert.is(state(one, asked), 'sent')
  assert.equal(
    given(one).map(({ session }) => session),
    ['sessionbbbbbbbbb'],
  )
})

test('a device that never answers lets it expire; what it says later changes nothing', async () => {
  const one = await world()
  const asked = send(one)
  await one.pass(commandLifeMsDefault)
  const expired = one.hub.commands.get(asked.id)
  assert.equal([expired?.state, expired?.code], ['expired', 'expired'])
  assert.match(expired?.remedy ?? '', /explain node alpha/)
  await answer(one, asked)
  assert.is(state(one, asked), 'expired')
  assert.is(send(one).state, 'sent')
})

test('refusals and failures of the device are told with its reasons', async () => {
  const one = await world()
  const refused = send(one)
  await answer(one, refused, { state: 'refused', code: 'conflict', message: '<b>busy</b>', result: utf8('') })
  assert.equal([state(one, refused), one.hub.commands.get(refused.id)?.message], ['refused', '<b>busy</b>'])
  const failed = send(one)
  await answer(one, failed, {
    state: 'failed',
    code: 'not-found',
    message: 'no peer',
    remedy: 'Look.',
    result: utf8(''),
  })
  assert.equal([state(one, failed), one.hub.commands.get(failed.id)?.remedy], ['failed', 'Look.'])
})

test('only the device itself answers', async () => {
  const one = await world()
  const asked = send(one)
  await answer(one, asked, { by: 2 })
  await answer(one, asked, { by: 2, from: 1 })
  await answer(one, asked, { node: device(2).nodeId })
  await answer(one, asked, { by: 1, from: 2 })
  assert.is(state(one, asked), 'sent')
  assert.is(one.hub.fleet()[0]?.health[0]?.code, 'report-rejected')
  const other = 'a'.repeat(16)
  await answer(one, { id: other })
  assert.is(one.hub.commands.get(other), undefined)
  await answer(one, asked)
  assert.is(state(one, asked), 'answered')
})

test('an answer that is no JSON, or too long, is no answer', async () => {
  const one = await world()
  for (const result of [utf8('<html>'), Uint8Array.of(0xff, 0xfe), utf8('['.repeat(200_000))]) {
    const asked = send(one)
    await answer(one, asked, { result })
    assert.equal([state(one, asked), one.hub.commands.get(asked.id)?.code], ['failed', 'invalid'])
  }
  const asked = send(one)
  const [chunk = utf8('')] = encodeChunks('command', asked.id, new Uint8Array(8), sha256(new Uint8Array(8)))
  const endless = chunk.slice()
  endless.set([0x04, 0x00], 20)
  await one.say(device(1).nodeId, 'answer', endless)
  assert.is(state(one, asked), 'sent')
  assert.match(one.hub.fleet()[0]?.health[0]?.detail ?? '', /answer: an answer of 1024 chunks/)
})

test('a bundle is a file, which makes room for newer ones', async () => {
  const one = await world()
  const bundles: { id: string }[] = []
  for (let bytes = 0; bytes <= commandResultsBytesMax; bytes += commandResultBytesMax) {
    const asked = send(one, { kind: 'bundle' })
    await answer(one, asked, { result: new Uint8Array(commandResultBytesMax).fill(bundles.length) })
    bundles.push(asked)
  }
  const [first, last] = [bundles[0], bundles.at(-1)]
  assert.ok(first && last)
  assert.equal(one.hub.commands.get(last.id)?.file, {
    bytes: commandResultBytesMax,
    path: `/api/v1/commands/${last.id}/result`,
  })
  assert.is(one.hub.commands.file(last.id)?.bytes.length, commandResultBytesMax)
  assert.is(one.hub.commands.file(first.id), undefined)
  assert.match(one.hub.commands.get(first.id)?.message ?? '', /made room/)
})

test('who takes none, or not that one, is not asked', async () => {
  const none = createWorld()
  await none.start()
  await none.join(1, 'alpha')
  await none.pass()
  await none.acknowledge(device(1).nodeId)
  assert.is(
    code(() => send(none)),
    'unsupported',
  )
  const careful = await world(['ping'])
  assert.is(
    code(() => send(careful, { kind: 'rotate-key' })),
    'forbidden',
  )
  assert.is(
    code(() => careful.hub.commands.send('nobody', { kind: 'ping' }, admin)),
    'not-found',
  )
  careful.hub.put(resource('Node', 'alpha', { disabled: true }), admin)
  assert.is(
    code(() => send(careful, { kind: 'ping' })),
    'conflict',
  )
  assert.equal([given(none), given(careful)], [[], []])
})

test('one at a time for each device; the oldest are forgotten', async () => {
  const one = await world()
  const first = send(one)
  assert.is(
    code(() => send(one)),
    'conflict',
  )
  await answer(one, first)
  for (let n = 0; n < commandsKeptMax; n++) await answer(one, send(one))
  assert.equal([one.hub.commands.list().length, one.hub.commands.get(first.id)], [commandsKeptMax, undefined])
})

test('what can’t be written down is not given', async () => {
  const one = await world()
  Object.assign(one.store, {
    putAudit: () => {
      throw new HoldfastError('failed', 'the disk is full')
    },
  })
  assert.is(
    code(() => send(one)),
    'failed',
  )
  assert.equal([given(one), one.hub.commands.list()], [[], []])
})

test.run()
