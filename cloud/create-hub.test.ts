// The whole hub against a broker, a clock and a disk in memory: restarts, crashes, and what each change costs.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../shared/errors.ts'
import { sha256, signerFromSeed } from '../shared/host/crypto.ts'
import { certifyKey } from '../shared/record/keys.ts'
import { parsePresence } from '../shared/wire/report.ts'
import { topics } from '../shared/wire/topics.ts'
import { raiseEpoch } from './backup/raise-epoch.ts'
import { admin, createWorld, device, emptyPolicy, recordOf, resource, signer, type World } from './hub-world.fake.ts'

async function started(): Promise<World> {
  const world = createWorld()
  await world.start()
  return world
}

const headTopic = (world: World): string => topics.head(world.network())

test('a fresh hub begins with one network, signed, stored and retained at the broker', async () => {
  const world = await started()
  assert.equal(world.records(), ['network/default'])
  assert.equal(world.version(), { epoch: 1, revision: 1 })
  assert.equal(world.broker.retained(headTopic(world)), world.store.published(world.network())?.head)
  const presence = world.broker.retained(topics.hub(world.network()))
  assert.ok(presence !== undefined && parsePresence(presence).online)
})

test('the first network is not made where nobody wants it, and not again once it was deleted', async () => {
  const without = createWorld({ defaultNetwork: false })
  await without.start()
  assert.equal(without.hub.list('Network'), [])
  const world = await started()
  assert.ok(world.hub.delete('Network', 'default', admin))
  await world.pass()
  await world.hub.stop()
  await world.restart()
  assert.equal(world.hub.list('Network'), [])
  assert.equal(world.store.networks(), [])
})

test('a deleted network takes back what the broker kept of it, and its tokens open nothing', async () => {
  const world = await started()
  const topic = headTopic(world)
  world.token()
  world.hub.delete('Network', 'default', admin)
  await world.pass()
  assert.is(world.broker.retained(topic), undefined)
  assert.equal(
    world.hub.listTokens().map((token) => token.revoked),
    [true],
  )
})

test('changes that come together are one revision; each is fanned out as a delta, then as the head', async () => {
  const world = await started()
  const from = world.broker.published.length
  world.hub.put(resource('Policy', 'a', emptyPolicy), admin)
  world.hub.put(resource('Policy', 'b', emptyPolicy), admin)
  await world.pass()
  assert.equal(world.version(), { epoch: 1, revision: 2 })
  assert.equal(
    world.broker.published.slice(from).map(({ topic, retain }) => [topic.split('/').at(-1), retain]),
    [
      ['delta', false],
      ['head', true],
    ],
  )
})

test('a restart is no event: same revision, same head, no new delta', async () => {
  const world = await started()
  world.hub.put(resource('Policy', 'a', emptyPolicy), admin)
  await world.join(1, 'alpha')
  await world.pass()
  const before = world.version()
  const head = world.broker.retained(headTopic(world))
  const from = world.broker.published.length
  await world.hub.stop()
  await world.restart()
  assert.equal(world.version(), before)
  assert.equal(world.broker.retained(headTopic(world)), head)
  assert.not.ok(world.broker.published.slice(from).some(({ topic }) => topic.endsWith('/delta')))
})

test('a crash after the revision was stored and before it was published: the next start publishes it', async () => {
  const world = await started()
  world.broker.setDown(true)
  world.hub.put(resource('Policy', 'a', emptyPolicy), admin)
  await world.pass()
  assert.equal(world.version(), { epoch: 1, revision: 2 })
  world.crash()
  world.broker.setDown(false)
  await world.restart()
  assert.equal(world.version(), { epoch: 1, revision: 2 })
  assert.equal(world.broker.retained(headTopic(world)), world.store.published(world.network())?.head)
})

test('a crash after intent was kept and before it was signed: a put and a delete both come through', async () => {
  const world = await started()
  world.hub.put(resource('Policy', 'old', emptyPolicy), admin)
  await world.pass()
  world.hub.delete('Policy', 'old', admin)
  world.hub.put(resource('Policy', 'new', emptyPolicy), admin)
  world.crash()
  assert.equal(world.records(), ['network/default', 'policy/old'])
  await world.restart()
  assert.equal(world.records(), ['network/default', 'policy/new'])
  assert.equal(world.version(), { epoch: 1, revision: 3 })
})

test('a disk that is full stops nothing that is known, and the revision follows when there is space', async () => {
  const world = await started()
  world.store.full = true
  world.hub.put(resource('Policy', 'a', emptyPolicy), admin)
  await world.pass(2_500)
  assert.equal(world.version(), { epoch: 1, revision: 1 })
  world.store.full = false
  await world.pass(1_000)
  assert.equal(world.version(), { epoch: 1, revision: 2 })
  assert.equal(world.records(), ['network/default', 'policy/a'])
})

test('a broker that lost its memory gets the head again', async () => {
  const world = await started()
  world.broker.setDown(true)
  world.broker.forgetRetained()
  world.broker.setDown(false)
  await world.pass()
  assert.equal(world.broker.retained(headTopic(world)), world.store.published(world.network())?.head)
})

test('after a restore the epoch is higher, though nothing else changed', async () => {
  const world = await started()
  await world.hub.stop()
  raiseEpoch(world.store)
  await world.restart()
  assert.equal(world.version(), { epoch: 2, revision: 1 })
  assert.equal(world.records(), ['network/default'])
})

test('a new signing key signs the set anew, and its certificate stands in the set', async () => {
  const world = await started()
  await world.hub.stop()
  const next = signerFromSeed(new Uint8Array(32).fill(9))
  const root = signerFromSeed(sha256(new TextEncoder().encode('root')))
  const keyCertificates = [signer, next].map((key, at) => certifyKey(key.publicKey, at, root, sha256))
  await world.restart({ signer: next, keyCertificates })
  assert.equal(world.version(), { epoch: 1, revision: 2 })
  const keys = [...(world.store.published(world.network())?.records.keys() ?? [])].filter((id) => id.startsWith('key/'))
  assert.is(keys.length, 2)
})

test('records that are not what was signed stop the start with a remedy', async () => {
  const world = await started()
  await world.hub.stop()
  const held = world.store.published(world.network())
  const put = new Map([['policy/intruder', new TextEncoder().encode('{}')]])
  if (held !== undefined) {
    world.store.saveRevision(world.network(), { version: held.version, head: held.head, put, del: [] })
  }
  let code = ''
  await world.restart().catch((error: { code: string }) => (code = error.code))
  assert.is(code, 'corrupt')
})

test('a failing watcher does not stop a change', async () => {
  const world = await started()
  world.hub.watch(() => {
    throw new TypeError('a dashboard broke')
  })
  world.hub.put(resource('Policy', 'a', emptyPolicy), admin)
  await world.pass()
  assert.equal(world.records(), ['network/default', 'policy/a'])
})

test('a dry run shows what would be and leaves no trace', async () => {
  const world = await started()
  const [shown] = world.hub.putAll([resource('Node', 'alpha')], admin, true)
  assert.is(shown?.generation, 1)
  assert.is(world.hub.get('Node', 'alpha'), undefined)
  assert.equal(world.store.allocations(), [])
  assert.throws(
    () => world.hub.putAll([resource('Node', 'a', { addresses: ['100.80.0.1'] })], admin, true),
    (error: unknown) => isHoldfastError(error, 'invalid'),
  )
})

test('one policy change with 1,000 nodes hashes a path of the tree, not the fleet', async () => {
  const world = await started()
  // Approved afterwards, because each reply to a member is a whole snapshot.
  const token = world.token({ autoApprove: false })
  for (let i = 0; i < 1_000; i++) await world.join(i, `node-${i}`, token)
  for (const { name } of world.hub.fleet()) await world.hub.approve(name, admin)
  world.hub.put(resource('Policy', 'p', emptyPolicy), admin)
  await world.pass()
  const cost = async (): Promise<number> => {
    const before = world.hashes()
    world.hub.put(resource('Policy', 'p', { ...emptyPolicy, priority: Math.floor(before % 1_000) }), admin)
    await world.pass()
    return world.hashes() - before
  }
  const hashes = await cost()
  // Record, id, leaf, ten levels, the key id twice.
  assert.ok(hashes > 5 && hashes <= 24, `${hashes} hashes`)
  assert.is(world.records().length, 1_002)
})

test('what is published is what intent says, whatever the order in which it came', async () => {
  const world = await started()
  for (const seed of [1, 2, 3]) await world.join(seed, `n${seed}`)
  const name = fc.constantFrom('n1', 'n2', 'n3', 'n4')
  const step = fc.oneof(
    fc.record({ verb: fc.constant('policy' as const), name, priority: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ verb: fc.constant('node' as const), name, disabled: fc.boolean() }),
    fc.record({
      verb: fc.constant('delete' as const),
      name,
      kind: fc.constantFrom('Policy' as const, 'Node' as const),
    }),
    fc.record({ verb: fc.constant('crash' as const) }),
  )
  const history = fc.array(step, { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      for (const one of steps) {
        if (one.verb === 'policy') {
          world.hub.put(resource('Policy', one.name, { ...emptyPolicy, priority: one.priority }), admin)
        } else if (one.verb === 'node') world.hub.put(resource('Node', one.name, { disabled: one.disabled }), admin)
        else if (one.verb === 'delete') world.hub.delete(one.kind, one.name, admin)
        else {
          world.crash()
          await world.restart()
        }
      }
      await world.pass()
      const incremental = { records: world.records(), version: world.version() }
      await world.hub.stop()
      await world.restart()
      // The start compiles everything from intent: had it found a difference, it would have signed a revision.
      assert.equal({ records: world.records(), version: world.version() }, incremental)
    }),
    { numRuns: 25, seed: 11 },
  )
})

test('a node record carries the address that its Node shows', async () => {
  const world = await started()
  await world.join(1, 'alpha')
  await world.pass()
  assert.equal(recordOf(world, 'node/alpha')['addresses'], world.hub.get('Node', 'alpha')?.status['addresses'])
  assert.is(recordOf(world, 'node/alpha')['nodeId'], device(1).nodeId)
})

test.run()
