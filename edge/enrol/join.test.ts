// Enrolment against a hub with real TLS and real signatures, interrupted at the places where it can be.

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromBase64 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { issuedAt } from '../../shared/host/certificates.fake.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { credentialId, leaveProofBytes } from '../../shared/wire/enrol.ts'
import { parseHubUrl } from '../../shared/wire/hub-url.ts'
import { parseUnderstands, understands } from '../../shared/wire/understands.ts'
import { stateFiles } from '../host/files.ts'
import type { HeldSet, Store } from '../store/store.ts'
import { loadKeys } from './device-keys.ts'
import { startFakeHub } from './hub.fake.ts'
import { sayGoodbye } from './hub-exchange.ts'
import { loadIdentity } from './identity-file.ts'
import { type JoinOptions, join } from './join.ts'

function memoryStore(): Store {
  let held: HeldSet | undefined
  const journal: string[] = []
  return {
    loadSet: () => held,
    saveSet: ({ head, version, put }) => {
      held = { head, version, records: put }
    },
    journal: ({ event }) => void journal.push(event),
    close: () => undefined,
  } as Partial<Store> as Store
}

function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(joinPath(tmpdir(), 'hf-join-'))
  return run(joinPath(directory, 'state')).finally(() => rmSync(directory, { recursive: true }))
}

function optionsFor(hub: { url: string; token: string }, stateDir: string, changes: Partial<JoinOptions> = {}) {
  const said: string[] = []
  const clock = new FakeClock(issuedAt)
  const options: JoinOptions = {
    url: hub.url,
    token: hub.token,
    labels: { site: 'north' },
    stateDir,
    timeoutMs: 0,
    clock,
    openStore: memoryStore,
    onProgress: (sentence) => {
      said.push(sentence)
      // Time passes only while somebody waits.
      setImmediate(() => clock.advance(60_000))
    },
    ...changes,
  }
  return { options, said, clock }
}

async function failure(work: Promise<unknown>) {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isHoldfastError(error))
    throw new assert.Assertion({ message: `no HoldfastError: ${describeError(error)}`, operator: 'is' } as never)
  return error
}

test('the whole enrolment goes by the way that is given, and the hub keeps the address that people wrote', () =>
  inDirectory(async (directory) => {
    const hub = await startFakeHub()
    try {
      const url = hub.url.replace('127.0.0.1', '203.0.113.7')
      const asked: string[] = []
      const out = async (host: string): Promise<{ readonly address: string }> => {
        asked.push(host)
        return { address: '127.0.0.1' }
      }
      const { options } = optionsFor({ ...hub, url }, directory, { out })
      const identity = await join(options)
      assert.is(identity.hubUrl, url)
      assert.equal(asked, ['203.0.113.7', '203.0.113.7'], 'for the anchor and for the enrolment')
    } finally {
      await hub.close()
    }
  }))

test('joins, keeps secrets to itself, and will not join twice', () =>
  inDirectory(async (directory) => {
    const hub = await startFakeHub()
    const identity = await join(optionsFor(hub, directory).options)
    const files = stateFiles(directory)
    assert.equal(loadIdentity(files), identity)
    assert.is(identity.name, 'fresh')
    assert.equal(identity.broker.urls, ['mqtts://127.0.0.1:8883', `${hub.url.replace('https', 'wss')}/mqtt`])
    for (const path of [files.identity, files.wgKey, files.deviceKey]) assert.is(statSync(path).mode & 0o777, 0o600)
    assert.is(statSync(directory).mode & 0o777, 0o700)
    assert.equal(hub.requests[0]?.labels, { site: 'north' })
    assert.equal(parseUnderstands(hub.understood[0]), understands)
    assert.not(JSON.stringify(hub.requests).includes(readFileSync(files.wgKey, 'utf8').trim()))
    assert.is((await failure(join(optionsFor(hub, directory).options))).code, 'conflict')
    await hub.close()
  }))

test('waits for approval, and goes on with the same keys after an interruption', () =>
  inDirectory(async (directory) => {
    const hub = await startFakeHub()
    hub.pendingLeft = 3
    const early = await failure(join(optionsFor(hub, directory).options))
    assert.is(early.code, 'expired')
    assert.match(early.remedy ?? '', 'holdfast-hub approve fresh')
    const { options, said } = optionsFor(hub, directory, { timeoutMs: 3_600_000 })
    await join(options)
    assert.is(said.length, 2)
    assert.is(new Set(hub.requests.map((request) => request.deviceKey)).size, 1)
    await hub.close()
  }))

test('a hub that is not the token’s, or a man in the middle, learns nothing', () =>
  inDirectory(async (directory) => {
    const [hub, other] = [await startFakeHub(), await startFakeHub()]
    const wrong = await failure(join(optionsFor({ url: other.url, token: hub.token }, directory).options))
    assert.is(wrong.code, 'untrusted')
    const middle = await startFakeHub({ strangerTls: true })
    assert.is((await failure(join(optionsFor(middle, directory).options))).code, 'untrusted')
    assert.equal([...other.requests, ...middle.requests], [])
    for (const each of [hub, other, middle]) await each.close()
  }))

test('a refused token, a spoilt snapshot and a hub that is away leave no identity behind', () =>
  inDirectory(async (directory) => {
    const hub = await startFakeHub()
    const token = hub.token.replace(/\.B/, '.C')
    assert.is.not(token, hub.token)
    const refused = await failure(join(optionsFor({ ...hub, token }, directory).options))
    assert.is(refused.code, 'forbidden')
    assert.is(refused.message, 'the hub refuses: the token is not valid')
    hub.spoil = true
    assert.ok(['bad-root', 'invalid'].includes((await failure(join(optionsFor(hub, directory).options))).code))
    await hub.close()
    assert.is((await failure(join(optionsFor(hub, directory).options))).code, 'unreachable')
    assert.is(loadIdentity(stateFiles(directory)), undefined)
  }))

test('a hub that is newer than the agent is told as such, before anything is stored', () =>
  inDirectory(async (directory) => {
    const hub = await startFakeHub()
    hub.newer = true
    const stores: Store[] = []
    const openStore = (): Store => {
      const store = memoryStore()
      stores.push(store)
      return store
    }
    const refused = await failure(join(optionsFor(hub, directory, { openStore }).options))
    assert.is(refused.code, 'unsupported')
    assert.match(refused.message, 'teapot/x')
    assert.match(refused.remedy ?? '', 'agent')
    assert.equal(
      stores.map((store) => store.loadSet()),
      [undefined],
    )
    assert.is(loadIdentity(stateFiles(directory)), undefined)
    hub.newer = false
    assert.is((await join(optionsFor(hub, directory).options)).name, 'fresh')
    await hub.close()
  }))

test('a disk that gives back something else leaves no identity behind', () =>
  inDirectory(async (directory) => {
    const hub = await startFakeHub()
    const openStore = (): Store => {
      const store = memoryStore()
      const worn = (set: HeldSet | undefined): HeldSet | undefined =>
        set && { ...set, records: new Map([...set.records].slice(1)) }
      return { ...store, loadSet: () => worn(store.loadSet()) }
    }
    const refused = await failure(join(optionsFor(hub, directory, { openStore }).options))
    assert.is(refused.code, 'corrupt')
    assert.is(loadIdentity(stateFiles(directory)), undefined)
    await hub.close()
  }))

test('keys that are damaged are told as such and never replaced', () =>
  inDirectory(async (directory) => {
    const hub = await startFakeHub()
    await join(optionsFor(hub, directory).options)
    const files = stateFiles(directory)
    const { writeFileSync } = await import('node:fs')
    writeFileSync(files.deviceKey, 'AAAA\n')
    assert.is((await failure((async () => loadKeys(files))())).code, 'corrupt')
    await hub.close()
  }))

test('a goodbye is signed by the device, for this enrolment', () =>
  inDirectory(async (directory) => {
    const hub = await startFakeHub()
    const { options, clock } = optionsFor(hub, directory)
    const identity = await join(options)
    const keys = loadKeys(stateFiles(directory))
    assert.ok(keys)
    await sayGoodbye({ hub: parseHubUrl(hub.url), clock, floor: 0 }, identity, keys)
    const { nodeId, proof } = hub.goodbyes[0] as { nodeId: string; proof: string }
    assert.is(nodeId, identity.nodeId)
    const said = leaveProofBytes(identity.nodeId, credentialId('secret-of-the-broker', sha256))
    assert.ok(verify(keys.signer.publicKey, said, fromBase64(proof)))
    await hub.close()
  }))

test.run()
