// Two hubs on one state, as processes of their own at a real API server, with the rights of examples/kubernetes/hub-role.yaml,
// and a device that reaches them through the Service: whatever happens to the one that leads, the other goes on where it was.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Client, openClient } from '../../cloud/cli/client.ts'
import type { RollOut } from '../../cloud/hub.ts'
import { device, emptyPolicy, enrolRequest, resource } from '../../cloud/hub-world.fake.ts'
import { customResourceDefinitions } from '../../cloud/kubernetes/definitions.ts'
import { openApiStore } from '../../cloud/replica/api-store.ts'
import { defineClusterStore } from '../../cloud/replica/cluster-store.conformance.fake.ts'
import { unpackHead } from '../../cloud/replica/head.ts'
import { fromBase64 } from '../../shared/bytes.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import type { Version } from '../../shared/record/head.ts'
import type { EnrolReply } from '../../shared/wire/enrol.ts'
import { run } from '../laboratory/command.ts'
import { startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'
import { type Follower, joinAndFollow } from './follower.ts'
import { type HubProcess, startHub, startService } from './hub-process.ts'

const PATIENCE_MS = 20_000
/** Shorter than in a cluster, for the sake of those who wait for this test. */
const LEASE_S = 5

interface Secret {
  readonly type: string
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> }
  readonly data: Readonly<Record<string, string>>
}

const why = whyNoApiServer()
if (why === undefined) {
  const api = await startApiServer()
  process.env['KUBECONFIG'] = api.hubKubeconfig
  const directory = mkdtempSync(join(tmpdir(), 'hf-replicas-'))
  const service = await startService(api)
  const url = `https://127.0.0.1:${service.port}`
  const hubs: HubProcess[] = []
  let [leader, other]: [HubProcess | undefined, HubProcess | undefined] = [undefined, undefined]
  let follower: Follower
  let closeFollower = async (): Promise<void> => undefined
  let seen: Version = { epoch: 1, revision: 0 }

  const kubectl = (words: readonly string[], input = ''): Promise<string> =>
    run(['kubectl', '--kubeconfig', api.kubeconfig, ...words], { input })
  const until = async <T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> => {
    const end = systemClock.monotonic() + PATIENCE_MS
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      if (systemClock.monotonic() > end) {
        throw new Error(`not seen: ${what}\n${hubs.map((hub) => `${hub.name}: ${hub.log()}`).join('\n')}`)
      }
      await sleep(20)
    }
  }
  const logged = (hub: HubProcess, words: string): Promise<true> =>
    until(`${hub.name}: ${words}`, () => (hub.log().includes(words) ? true : undefined))
  const start = (name: 'a' | 'b'): HubProcess => {
    const port = { a: firstPort, b: firstPort + 1 }[name]
    const address = { a: '192.0.2.1', b: '192.0.2.2' }[name]
    const hub = startHub(api, { name: `hub-${name}`, data: join(directory, name), address, port, url, leaseS: LEASE_S })
    hubs.push(hub)
    return hub
  }
  const firstPort = service.port > 60_000 ? service.port - 200 : service.port + 100
  const ask = ({ data }: HubProcess): Client => openClient({ data })
  const led = (): HubProcess => {
    if (leader === undefined) throw new Error('nobody leads')
    return leader
  }
  const version = async (hub: HubProcess): Promise<Version> => {
    const { items } = await ask(hub).get<{ items: RollOut[] }>('/api/v1/rollout')
    return items[0]?.version ?? { epoch: 0, revision: 0 }
  }
  const put = (hub: HubProcess, name: string): Promise<unknown> =>
    ask(hub).send('POST', '/api/v1/apply', JSON.stringify(resource('Policy', name, emptyPolicy)))
  const names = async (hub: HubProcess): Promise<readonly string[]> => {
    const { items } = await ask(hub).get<{ items: { metadata: { name: string } }[] }>('/api/v1/policies')
    return items.map(({ metadata }) => metadata.name).sort()
  }
  /** What is applied now is the next revision of the same history, and the device hears it. */
  const goesOn = async (name: string): Promise<void> => {
    const before = await version(led())
    assert.ok(before.epoch === seen.epoch && before.revision >= seen.revision, 'nothing is forgotten')
    await put(led(), name)
    const next = await follower.until(before.revision + 1)
    assert.equal(next, { epoch: before.epoch, revision: before.revision + 1 })
    seen = next
  }
  const follows = async (hub: HubProcess): Promise<void> => {
    await logged(hub, 'is ready to take over')
  }

  test.before(async () => {
    for (const one of customResourceDefinitions()) {
      await api.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', one)
    }
    await kubectl(['create', 'namespace', 'holdfast'])
    await kubectl(['create', 'namespace', 'conformance'])
    const role = readFileSync(join(import.meta.dirname, '../../examples/kubernetes/hub-role.yaml'), 'utf8')
    const account = /- kind: ServiceAccount\n {4}name: holdfast-hub\n {4}namespace: holdfast/g
    const user = '- kind: User\n    name: holdfast-hub\n    apiGroup: rbac.authorization.k8s.io'
    const own = role.replaceAll(account, user)
    await kubectl(['apply', '-f', '-'], own)
    const elsewhere = own.replaceAll('namespace: holdfast', 'namespace: conformance')
    await kubectl(['apply', '-f', '-'], elsewhere)
  })
  test.after(async () => {
    await closeFollower()
    for (const hub of hubs) hub.child.kill('SIGKILL')
    await Promise.all(hubs.map(({ ended }) => ended))
    await service.close()
    await api.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  defineClusterStore(test, () =>
    openApiStore({ namespace: 'conformance', service: 'holdfast-hub', clock: systemClock }),
  )

  test('the first leads, the second waits and says so', async () => {
    leader = start('a')
    await logged(leader, 'hub is up')
    other = start('b')
    await follows(other)
    const target = await until('the Service leads somewhere', () => service.target())
    assert.equal(target, { host: '192.0.2.1', port: leader.port })
    const ca = join(other.data, 'waiting-room/authority.crt')
    const refused = openClient({ data: leader.data, url: `https://127.0.0.1:${other.port}`, ca })
    try {
      await refused.get('/api/v1/rollout')
      assert.unreachable('a replica that waits answered')
    } catch (error) {
      assert.ok(isHoldfastError(error, 'unreachable'), describeError(error))
      assert.match(describeError(error), /waits, and hub-a_[a-z2-7]{8} leads.*through its Service/)
    }
  })

  test('killed right after a join and a change: the other forgets neither, within the time of the lease', async () => {
    const { token } = await ask(led()).send<{ token: string }>('POST', '/api/v1/tokens', { uses: 3 })
    follower = await joinAndFollow(url, token, join(directory, 'device'))
    closeFollower = () => follower.close()
    seen = await follower.until(2)
    const reply = await ask(led()).send<EnrolReply>('POST', '/api/v1/enrol', enrolRequest(token, device(1), 'second'))
    assert.is(reply.state, 'enrolled')
    await put(led(), 'last-words')
    const from = systemClock.monotonic()
    led().child.kill('SIGKILL')
    ;[leader, other] = [other, undefined]
    await logged(led(), 'hub is up')
    const tookMs = systemClock.monotonic() - from
    process.stdout.write(`  leads ${Math.round(tookMs)} ms after kill -9, with a lease of ${LEASE_S} s\n`)
    assert.ok(tookMs < (LEASE_S + 3) * 1_000, `${tookMs} ms`)
    assert.equal(await names(led()), ['last-words'])
    const { items } = await ask(led()).get<{ items: { name: string }[] }>('/api/v1/fleet')
    assert.equal(items.map(({ name }) => name).sort(), ['device', 'second'])
    const tokens = await ask(led()).get<{ items: { usesLeft: number }[] }>('/api/v1/tokens')
    assert.equal(
      tokens.items.map(({ usesLeft }) => usesLeft),
      [1],
    )
    await goesOn('after-kill')
  })

  test('told to stop it hands over at once', async () => {
    other = start('a')
    await follows(other)
    await until('the follower has the newest', () => (other?.log().includes('ready') === true ? true : undefined))
    const from = systemClock.monotonic()
    led().child.kill('SIGTERM')
    await logged(other, 'hub is up')
    const tookMs = systemClock.monotonic() - from
    process.stdout.write(`  leads ${Math.round(tookMs)} ms after SIGTERM\n`)
    assert.is(await led().ended, '0')
    assert.ok(tookMs < 2_000, `${tookMs} ms`)
    ;[leader, other] = [other, undefined]
    await goesOn('after-stop')
  })

  test('asleep while another led, it changes nothing when it wakes, and makes room', async () => {
    other = start('b')
    await follows(other)
    const sleeper = led()
    sleeper.child.kill('SIGSTOP')
    await logged(other, 'hub is up')
    ;[leader, other] = [other, undefined]
    // It did not take its leave, so the device finds out by itself.
    follower.reconnect()
    await goesOn('while-asleep')
    const late = put(sleeper, 'too-late').then(
      () => 'taken',
      () => 'refused',
    )
    sleeper.child.kill('SIGCONT')
    assert.is(await late, 'refused')
    assert.is(await sleeper.ended, '1')
    assert.match(sleeper.log(), /does not lead any more/)
    assert.not.match((await names(led())).join(), /too-late/)
    await goesOn('after-sleep')
  })

  test('without the API server devices stay connected, nothing new is taken in, and it goes on where it was', async () => {
    const before = await version(led())
    const change = (name: string): Promise<string> => put(led(), name).then(() => 'taken', describeError)
    await api.halt()
    const from = systemClock.monotonic()
    // It does not know yet; what it takes in now is told to nobody before the cluster has it.
    const dusk = change('at-dusk')
    await until('it is not sure any more', async () => {
      const { replica } = await ask(led()).get<{ replica: { leads: boolean } }>('/api/v1/status')
      return replica.leads ? undefined : true
    })
    assert.match(await change('in-the-dark'), /can’t reach the API server.*The network goes on as it is/)
    await sleep(from + LEASE_S * 1_000 - systemClock.monotonic())
    assert.ok(follower.isUp, 'the broker goes on')
    assert.equal(follower.newest, before)
    await api.resume()
    // The API server may be back too late for an answer; what was taken in takes effect all the same.
    assert.match(await dusk, /^taken$|^the cluster has not taken the change in 8 s/)
    assert.equal(await follower.until(before.revision + 1), { epoch: before.epoch, revision: before.revision + 1 })
    await until('it leads again', async () => ((await change('at-dawn')) === 'taken' ? true : undefined))
    await goesOn('after-the-dark')
    assert.is(led().child.exitCode, null)
  })

  test('a part that is damaged is named, and never replaced by an empty state', async () => {
    const path = '/api/v1/namespaces/holdfast/secrets'
    const get = async (name: string): Promise<Secret> => (await api.ask('GET', `${path}/${name}`)).body as Secret
    const head = await get('holdfast-hub-state')
    // The keys, which no change writes anew while this goes on.
    const [name = ''] = unpackHead('head', fromBase64(head.data['head'] ?? '')).shards['files'] ?? []
    const { data, metadata, type } = await get(name)
    const again = { apiVersion: 'v1', kind: 'Secret', type, metadata: { name, labels: metadata.labels } }
    const damage = async (bytes: string): Promise<void> => {
      await api.ask('DELETE', `${path}/${name}`)
      await api.ask('POST', path, { ...again, data: { part: bytes } })
    }
    await damage(Buffer.from('something else').toString('base64'))
    other = start('a')
    await logged(other, `Secret ${name} does not read back as written`)
    led().child.kill('SIGTERM')
    assert.is(await led().ended, '0')
    await sleep(1_000)
    assert.not.match(other.log(), /leads from now on/)
    await damage(data['part'] ?? '')
    await logged(other, 'hub is up')
    ;[leader, other] = [other, undefined]
    await goesOn('after-damage')
  })

  test('who finds that another has written the state is out', async () => {
    const path = '/api/v1/namespaces/holdfast/secrets/holdfast-hub-state'
    const head = (await api.ask('GET', path)).body as Secret
    // A label is no other state.
    const labelled = { metadata: { labels: { 'example.org/team': 'edge' } } }
    assert.is((await api.ask('PATCH', path, labelled, 'application/merge-patch+json')).status, 200)
    await goesOn('after-a-label')
    const strange = { data: { head: head.data['before'] } }
    assert.is((await api.ask('PATCH', path, strange, 'application/merge-patch+json')).status, 200)
    const answer = await put(led(), 'fenced').then(() => 'taken', describeError)
    assert.match(answer, /does not lead any more|reach/)
    assert.is(await led().ended, '1')
    assert.match(led().log(), /another hub has written the state/)
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
