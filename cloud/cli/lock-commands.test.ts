// The lock on the command line: two administrators, a hub, and files that go between them.

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { scratch } from '../broker/broker.fake.ts'
import type { LockView } from '../hub.ts'
import { enrolDevice } from '../serve/enrolment.fake.ts'
import { type Server, startServer } from '../serve/server.ts'
import { resolveSettings } from '../serve/settings.ts'
import { run } from './run.ts'

const cli = suite('holdfast-hub lock')
const directory = scratch('hf-lock-')
const at = (name: string): string => `${directory.path}/${name}`
const effects = { clock: systemClock, entropy: systemEntropy, log: memoryLog() }
let server: Server

async function say(words: string) {
  const said = { out: '', err: '' }
  const code = await run(words.split(' '), {
    env: { HOLDFAST_HUB_DATA: at('data') },
    color: false,
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    readInput: async () => '',
  })
  return { code, ...said }
}

async function good(words: string): Promise<string> {
  const said = await say(words)
  assert.is(said.code, 0, said.err)
  return said.out
}

async function bad(words: string): Promise<string> {
  const said = await say(words)
  assert.is.not(said.code, 0, said.out)
  return said.err
}

cli.before(async () => {
  const settings = resolveSettings({}, { data: at('data'), listen: '127.0.0.1:0', mqtt: '127.0.0.1:0' }, false)
  server = await startServer(settings, effects)
})
cli.after(async () => {
  await server.stop()
  directory.remove()
})

cli('a key is made once, for its owner’s eyes only', async () => {
  for (const name of ['alice', 'bob', 'carol']) {
    assert.match(await good(`lock key ${at(name)}`), /^[A-Za-z0-9+/]{43}=\n$/)
    assert.is(statSync(at(name)).mode & 0o777, 0o600)
  }
  assert.match(await bad(`lock key ${at('alice')}`), 'exists already')
})

cli('two of two keys in different hands put the lock on, by a file between them', async () => {
  assert.match(await good('lock status'), 'the hub alone says who is a member')
  assert.match(await bad('lock pending'), 'no membership lock')
  assert.is((await enrolDevice(server, 'pump-1')).reply.state, 'enrolled')
  const bobs = (await good(`lock key ${at('bob-2')}`)).trim()
  const file = at('new.json')
  assert.match(await bad(`lock init --key ${at('alice')} --public ${bobs}`), 'lacks signatures')
  await good(`lock init --key ${at('alice')} --public ${bobs} -o ${file}`)
  assert.match(await bad(`lock submit ${file}`), 'may not take its place')
  assert.match(await bad(`lock sign --file ${file} --all --key ${at('carol')}`), 'is not one of the lock’s')
  await good(`lock sign --file ${file} --all --key ${at('bob-2')}`)
  assert.match(await good(`lock submit ${file}`), /2 of 2 keys sign for a member, lock 1[^]*pump-1 .*member +2 of 2/)
  assert.match(await good('get network default -o yaml'), 'threshold: 2')
})

cli('a new device waits; it is signed for by name, here and elsewhere', async () => {
  assert.is((await enrolDevice(server, 'pump-2')).reply.state, 'pending')
  assert.match(await good('status'), 'Waiting for signatures: pump-2')
  assert.match(await good('get nodes'), /pump-2 .*unsigned/)
  assert.match(await good('lock pending'), /pump-2 .*waits +0 of 2/)
  assert.match(await bad(`lock sign --key ${at('alice')}`), 'say whom to sign for')
  assert.match(await bad(`lock sign pump-9 --key ${at('alice')}`), 'nobody under the name pump-9')
  assert.match(await good(`lock sign pump-2 --key ${at('alice')}`), /pump-2 .*waits +1 of 2/)
  const file = at('pending.json')
  await good(`lock pending -o ${file}`)
  writeFileSync(at('forged.json'), readFileSync(file, 'utf8').replace('"pump-2"', '"pump-3"'))
  await good(`lock sign --file ${at('forged.json')} pump-3 --key ${at('bob-2')}`)
  assert.match(await bad(`lock submit ${at('forged.json')}`), 'is wrong')
  await good(`lock sign --file ${file} pump-2 --key ${at('bob-2')}`)
  assert.match(await good(`lock submit ${file}`), /pump-2 .*member +2 of 2/)
  assert.match(await good('lock pending'), 'Nobody waits')
})

cli('other addresses are signed for beforehand, here and elsewhere, and the table says for which step', async () => {
  const to = '--cidr 10.90.0.0/16'
  assert.match(await bad(`lock pending --cidr 10.90.0.0`), '10.90.0.0')
  assert.match(await bad(`lock pending --cidr 10.90.0.0/31`), 'too small')
  const said = await good(`lock pending ${to}`)
  for (const step of ['the start', 'the switch', 'the end'])
    assert.match(said, new RegExp(`pump-1 .*10\\.90\\..*waits for ${step} +0 of 2`))
  const shown = JSON.parse(await good(`lock pending ${to} --json`)) as LockView
  assert.equal([shown.members.length, shown.renumber], [6, { cidr: '10.90.0.0/16' }])
  assert.match(await good(`lock sign --all ${to} --key ${at('alice')}`), /pump-2 .*waits for the end +1 of 2/)
  const file = at('renumber.json')
  await good(`lock pending ${to} -o ${file}`)
  const text = readFileSync(file, 'utf8')
  assert.match(await bad(`lock sign --file ${file} --all ${to} --key ${at('bob-2')}`), 'says itself which blocks')
  const other = at('other.json')
  writeFileSync(other, text.replaceAll('"10.90.0.0/16"', '"10.91.0.0/16"'))
  assert.match(
    await bad(`lock sign --file ${other} --all --key ${at('bob-2')}`),
    /10\.90\.\S+ of pump-1 lies outside 10\.91/,
  )
  await good(`lock sign --file ${file} --all --key ${at('bob-2')}`)
  assert.match(await good(`lock submit ${file}`), /pump-2 .*signed for the end +2 of 2/)
  assert.match(await good(`lock pending ${to}`), 'Nobody waits')
  // Agents that were never heard; nobody lacks a signature.
  assert.match(await bad(`renumber start ${to}`), 'never heard')
  const left = '--without pump-1 --without pump-2'
  assert.match(
    await bad(`renumber start --cidr 10.92.0.0/16 ${left}`),
    'lock sign --all --cidr 10.92.0.0/16 --key FILE',
  )
  await good(`renumber start ${to} ${left}`)
  assert.match(await good('lock status'), /pump-1 .*signed for the switch +2 of 2/)
  await good('renumber abort')
})

cli('the lock is changed, exported, made anew and ended', async () => {
  const carols = (await good(`lock key ${at('carol-2')}`)).trim()
  const keys = `--key ${at('alice')} --key ${at('bob-2')}`
  assert.match(await good(`lock change --add ${carols} --revoke pump-1 ${keys}`), /2 of 3 keys[^]*Revoked for good/)
  assert.match(await bad(`lock init --key ${at('carol-2')}`), 'has a membership lock already')
  assert.match(await good(`lock init --replace --key ${at('carol-2')}`), /1 of 1 keys .* lock 3/)
  await good(`lock export ${at('lock.json')}`)
  assert.is(
    (JSON.parse(readFileSync(at('lock.json'), 'utf8')) as { lock: { lock: { serial: number } } }).lock.lock.serial,
    3,
  )
  assert.match(await good(`lock end --key ${at('carol-2')}`), 'no membership lock')
  assert.match(await good(`lock init --key ${at('alice')}`), /1 of 1 keys .* lock 5/)
  assert.match(await good('audit'), /lock\/default +lock 3, 1 of 1 keys, made anew/)
})

cli.run()
