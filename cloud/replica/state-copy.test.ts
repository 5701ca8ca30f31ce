// What is read of a state: all of it, or what is wrong with it. And where it is laid down.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, utf8 } from '../../shared/bytes.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { FakeCluster } from './cluster-store.fake.ts'
import { packHead, partsOf } from './head.ts'
import { layState } from './lay-state.ts'
import { BASE, directory, fill, headOf, openMirroredHub, outcome } from './mirrored-hub.fake.ts'
import { createStateCopy } from './state-copy.ts'
import { examine, whyNoBeginning } from './take-over.ts'

test.after(() => directory.remove())

test('a part that is damaged, gone, or another one is named', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  fill(hub)
  await Promise.all([hub.mirror.settled(), hub.pass()])
  const [name = ''] = partsOf(headOf(cluster))
  const good = cluster.parts.get(name) ?? new Uint8Array(0)
  const complaint = async (bytes: Uint8Array | undefined): Promise<string> => {
    if (bytes === undefined) cluster.parts.delete(name)
    else cluster.parts.set(name, bytes)
    const copy = createStateCopy(cluster.open(), BASE)
    return copy.refresh().then(
      () => 'read',
      (error: unknown) => (isHoldfastError(error, 'corrupt') ? describeError(error) : String(error)),
    )
  }
  assert.match(await complaint(good.map((byte, i) => (i === 9 ? byte ^ 1 : byte))), new RegExp(`${name} does not read`))
  assert.match(await complaint(undefined), new RegExp(`${name} is missing.*backup`))
  assert.is(await complaint(good), 'read')
  assert.ok(cluster.head)
  cluster.head = { ...cluster.head, head: cluster.head.head.map((byte, i) => (i === 40 ? byte ^ 1 : byte)) }
  assert.match(await complaint(good), /Secret hub-state does not read back as written/)
  hub.close()
})

test('a state that was there and is gone is not begun anew', () => {
  const lease = { holder: '', durationS: 1, acquireTime: '', renewTime: '', transitions: 3, resourceVersion: '1' }
  const empty = join(directory.path, 'empty')
  assert.is(whyNoBeginning(empty, undefined), undefined)
  assert.is(whyNoBeginning(empty, { ...lease, generation: 0 }), undefined)
  assert.match(
    whyNoBeginning(empty, { ...lease, generation: 12 }) ?? '',
    /gone from the cluster: it was at generation 12/,
  )
})

test('a hub that lay there before is set aside, and a mere copy of a state is not', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  fill(hub)
  assert.is(await outcome(hub), 'settled')
  const copy = createStateCopy(cluster.open(), BASE)
  await copy.refresh()
  const state = copy.state()
  assert.ok(state)
  const data = join(directory.path, 'older')
  mkdirSync(join(data, 'tls'), { recursive: true })
  writeFileSync(join(data, 'hub.db'), 'an older hub')
  writeFileSync(join(data, 'tls/authority.key'), 'its key')
  assert.is(layState(data, state), join(data, 'set-aside/1'))
  assert.is(readFileSync(join(data, 'set-aside/1/hub.db'), 'utf8'), 'an older hub')
  assert.is(readFileSync(join(data, 'set-aside/1/tls/authority.key'), 'utf8'), 'its key')
  assert.is.not(readFileSync(join(data, 'hub.db'), 'utf8'), 'an older hub')
  assert.is(existsSync(join(data, 'tls/authority.key')), false, 'the state has none')
  assert.is(layState(data, state), undefined)
  assert.equal(readdirSync(join(data, 'set-aside')), ['1'])
  hub.close()
})

test('what a newer hub wrote is left to it', async () => {
  const cluster = new FakeCluster()
  const hub = await openMirroredHub(cluster)
  fill(hub)
  assert.is(await outcome(hub), 'settled')
  const head = headOf(cluster)
  const complaint = async (packed: Uint8Array): Promise<string> => {
    cluster.head = { head: packed, before: undefined, resourceVersion: cluster.nextVersion() }
    try {
      const copy = createStateCopy(cluster.open(), BASE)
      await copy.refresh()
      const state = copy.state()
      assert.ok(state)
      layState(join(directory.path, 'newer'), state)
      return 'laid'
    } catch (error) {
      return isHoldfastError(error, 'unsupported') ? describeError(error) : String(error)
    }
  }
  assert.match(await complaint(packHead({ ...head, layout: { hub: 99, access: 1 } })), /newer hub \(layout 99\)/)
  const layoutOnly = createStateCopy(cluster.open(), BASE)
  assert.match((await examine(layoutOnly, directory.path, undefined)) ?? '', /newer hub \(layout 99\)/)
  const format = deflate(utf8(JSON.stringify({ ...head, format: 2 })))
  assert.match(await complaint(concat(sha256(format), format)), /written by a newer hub/)
  hub.close()
})

test.run()
