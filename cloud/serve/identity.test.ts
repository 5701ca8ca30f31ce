// A hub whose database or keys are gone does not start as another hub; one whose first start was cut short does.

import { existsSync, readdirSync, renameSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { scratch } from '../broker/broker.fake.ts'
import { type Server, startServer } from './server.ts'
import { resolveSettings } from './settings.ts'

const identity = suite('identity of a data directory')
const directory = scratch('hf-identity-')
const data = `${directory.path}/data`
const effects = { clock: systemClock, log: memoryLog() }

const start = (path = data, entropy = systemEntropy): Promise<Server> =>
  startServer(resolveSettings({}, { data: path, listen: '127.0.0.1:0', mqtt: '127.0.0.1:0' }, false), {
    ...effects,
    entropy,
  })

async function refusal(path = data): Promise<HoldfastError> {
  try {
    await (await start(path)).stop()
  } catch (error) {
    if (error instanceof HoldfastError) return error
    throw error
  }
  throw new HoldfastError('failed', 'it started')
}

identity.before(async () => (await start()).stop())
identity.after(() => directory.remove())

for (const [name, remedy] of [
  ['hub.db', /restore FILE.*For a new hub, .*move access\.db, root\.key, signing\.key, signing\.crt away/],
  ['access.db', /restore FILE.*touch \S+\/access\.db.*new credentials by themselves/],
  ['root.key', /restore FILE.*new hub in an empty directory/],
  ['tls/authority.key', /restore FILE/],
  ['tls/authority.crt', /restore FILE/],
] as const) {
  identity(`${name} is gone: refused, and nothing is made in its place`, async () => {
    const aside = `${directory.path}/aside`
    renameSync(`${data}/${name}`, aside)
    const before = readdirSync(data).sort()
    const error = await refusal()
    assert.is(error.code, 'corrupt')
    assert.ok(error.message.includes(`${name} `) && error.message.includes('is missing'), error.message)
    assert.match(error.remedy ?? '', remedy)
    assert.not.ok(existsSync(`${data}/${name}`))
    // The lock is an empty file that any start makes.
    assert.equal(readdirSync(data).sort(), before)
    renameSync(aside, `${data}/${name}`)
    await (await start()).stop()
  })
}

identity('a signing key that is gone is replaced: the root certifies the next one', async () => {
  renameSync(`${data}/signing.key`, `${data}/signing.key.old`)
  await (await start()).stop()
  assert.ok(existsSync(`${data}/signing.key`))
})

identity('keys moved away make a new hub, as the remedy says', async () => {
  const moved = `${directory.path}/moved`
  await (await start(moved)).stop()
  for (const name of readdirSync(moved)) {
    if (/^(?:hub\.db|access\.db|root\.key|signing)/.test(name))
      renameSync(`${moved}/${name}`, `${directory.path}/${name}`)
  }
  const fresh = await start(moved)
  assert.ok(fresh.firstToken !== undefined)
  await fresh.stop()
})

identity('a first start that was cut off anywhere goes on', async () => {
  let whole = false
  for (let allowed = 0; !whole; allowed++) {
    let left = allowed
    const bytes = (length: number): Uint8Array => {
      if (left === 0) throw new HoldfastError('failed', 'power cut')
      left -= 1
      return systemEntropy.bytes(length)
    }
    const cut = `${directory.path}/cut-${allowed}`
    try {
      await (await start(cut, { ...systemEntropy, bytes })).stop()
      whole = true
    } catch (error) {
      assert.match((error as Error).message, /power cut/)
    }
    const after = await start(cut)
    assert.is(after.firstToken === undefined, whole, 'the token is shown by the first start that succeeds')
    await after.stop()
    assert.ok(allowed < 50)
  }
})

identity.run()
