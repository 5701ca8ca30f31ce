// A real hub and a real device's link to it, on loopback: what neither side can prove alone. A device whose credentials the
// broker has lost comes back by its key, without anybody's help; one that was removed does not. And a hub that is destroyed
// comes back from what a device exports.

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openAccessStore } from '../../cloud/access/access-store.ts'
import { exportKeys, readKeys } from '../../cloud/backup/keys.ts'
import { restoreFromNodes } from '../../cloud/backup/restore-from-nodes.ts'
import { openClient } from '../../cloud/cli/client.ts'
import { type Server, startServer } from '../../cloud/serve/server.ts'
import { resolveSettings } from '../../cloud/serve/settings.ts'
import { rotateRootKey } from '../../cloud/tls/rotate-root-key.ts'
import { exportCommand } from '../../edge/cli/carry.ts'
import type { Cli } from '../../edge/cli/context.ts'
import { loadIdentity } from '../../edge/enrol/identity-file.ts'
import { join as joinHub } from '../../edge/enrol/join.ts'
import { type StateFiles, stateFiles } from '../../edge/host/files.ts'
import { createHubBus } from '../../edge/host/hub-bus.ts'
import { readSettings } from '../../edge/host/settings.ts'
import { openStore } from '../../edge/store/sqlite.ts'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseName } from '../../shared/ids.ts'
import { openHead } from '../../shared/record/head.ts'
import { keyring } from '../../shared/record/keys.ts'
import { agentFilters, topics } from '../../shared/wire/topics.ts'

const scene = suite('a hub and a device')
const directory = mkdtempSync(join(tmpdir(), 'hf-hub-device-'))
const data = join(directory, 'hub')
const effects = { clock: systemClock, entropy: systemEntropy, log: memoryLog() }
let server: Server
let aheadMs = 0

/** Authorities tell their age in whole seconds, and a device takes none that is not younger. */
function laterEffects(): typeof effects {
  aheadMs += 2_000
  const now = (): number => systemClock.now() + aheadMs
  return { ...effects, clock: { ...systemClock, now } }
}

function serve(listen = '127.0.0.1:0'): Promise<Server> {
  return startServer(resolveSettings({}, { data, listen, mqtt: '127.0.0.1:0' }, false), effects)
}

async function newToken(): Promise<string> {
  return (await openClient({ data }).send<{ token: string }>('POST', '/api/v1/tokens', {})).token
}

async function joined(name: string, given?: string): Promise<StateFiles> {
  const token = given ?? (await newToken())
  const files = stateFiles(join(directory, name))
  await joinHub({
    url: server.url,
    token,
    name: parseName(name),
    labels: {},
    stateDir: files.directory,
    timeoutMs: 30_000,
    clock: systemClock,
    openStore: (path) => openStore(path, effects).store,
    onProgress: () => undefined,
  })
  return files
}

interface Link {
  /** Of the first head that the hub says; signed by a key that the device knew before. */
  epoch(): Promise<number>
  close(): Promise<void>
  /** Resolves when the link is next up. */
  up(): Promise<void>
  /** Resolves with the reason when the link, or a try, next fails. */
  down(): Promise<ErrorCode | undefined>
}

function linkOf(files: StateFiles): Link {
  const identity = loadIdentity(files)
  if (identity === undefined) throw new HoldfastError('not-found', 'not joined')
  const opened = openStore(files.database, effects)
  const settings = readSettings({ file: undefined, env: {}, flags: {} })
  const { network, nodeId } = identity
  const keys = identity.keys.map((key) => fromBase64(key))
  const known = keyring(keys, fromBase64(identity.anchor.rootKey), verify, sha256)
  const head = Promise.withResolvers<number>()
  let onUp = Promise.withResolvers<void>()
  let onDown = Promise.withResolvers<ErrorCode | undefined>()
  const make = createHubBus({
    ...effects,
    // The back-off's least: what is tested is what happens, not when.
    entropy: { ...systemEntropy, fraction: () => 0.05 },
    settings,
    files,
    identity,
    store: opened.store,
    onCertificate: () => undefined,
  })
  const bus = make({
    filters: agentFilters(network.id, nodeId),
    will: { topic: topics.node(network.id, nodeId, 'presence'), payload: new Uint8Array(1), retain: true },
  })
  bus.start({
    onUp: () => onUp.resolve(),
    onDown: (_reason, code) => onDown.resolve(code),
    onMessage(topic, payload) {
      if (topic === topics.head(network.id)) head.resolve(openHead(payload, known, verify).epoch)
    },
  })
  return {
    async close() {
      await bus.close()
      opened.store.close()
    },
    epoch: () => head.promise,
    up() {
      onUp = Promise.withResolvers()
      return onUp.promise
    },
    down() {
      onDown = Promise.withResolvers()
      return onDown.promise
    },
  }
}

const passwordOf = (files: StateFiles): string => loadIdentity(files)?.broker.password ?? ''

/** By the command; the agent does not run: its cache is what there is. */
async function exported(files: StateFiles, to: string): Promise<void> {
  const probe = { exists: existsSync }
  const cli = { ...effects, args: [to], files, json: false, write: () => undefined, probe } as unknown as Cli
  assert.is(await exportCommand(cli), 0)
}

scene.before(async () => {
  server = await serve()
})
scene.after(async () => {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
})

scene('a device whose credentials the broker has lost is given new ones, and keeps them', async () => {
  const files = await joined('alpha')
  const before = passwordOf(files)
  const access = openAccessStore(server.paths.accessDb)
  for (const { node } of access.credentials()) access.deleteCredential(node)
  access.close()
  const link = linkOf(files)
  await link.up()
  assert.is.not(passwordOf(files), before)
  assert.match(readFileSync(files.identity, 'utf8'), passwordOf(files))
  await link.close()
  // As after a restart of the agent: what is on the disk opens the door at once.
  const again = linkOf(files)
  await again.up()
  await again.close()
})

scene('a device that was removed gets none', async () => {
  const files = await joined('beta')
  const before = passwordOf(files)
  await openClient({ data }).send('DELETE', '/api/v1/nodes/beta')
  const link = linkOf(files)
  assert.is(await link.down(), 'unauthenticated')
  assert.is(await link.down(), 'unauthenticated')
  assert.is(passwordOf(files), before)
  await link.close()
})

scene(
  'a hub that is destroyed comes back from one device’s file and the keys; the device is let in by itself, at the next epoch',
  async () => {
    const files = await joined('gamma')
    const [keys, intent] = [join(directory, 'hub.keys'), join(directory, 'gamma.intent')]
    exportKeys(data, keys, systemClock.now())
    const { host } = new URL(server.url)
    await server.stop()
    rmSync(data, { recursive: true })
    await exported(files, intent)
    const { networks } = restoreFromNodes({ ...effects, files: [intent], keys, directory: data })
    assert.equal(
      networks.map(({ count, epoch }) => [count.get('Node'), epoch]),
      [[2, 2]],
    )
    server = await serve(host)
    const before = passwordOf(files)
    const link = linkOf(files)
    await link.up()
    assert.is.not(passwordOf(files), before)
    assert.is(await link.epoch(), 2)
    await link.close()
  },
)

scene(
  'of the root key alone the hub comes back, too: the device takes the TLS authority that the root key signed, and no other',
  async () => {
    const files = await joined('delta')
    const [rootOnly, intent] = [join(directory, 'root-only'), join(directory, 'delta.intent')]
    mkdirSync(rootOnly)
    copyFileSync(join(data, 'root.key'), join(rootOnly, 'root.key'))
    await exported(files, intent)
    const { host } = new URL(server.url)
    await server.stop()
    rmSync(data, { recursive: true })
    // Somebody else’s hub at that address.
    server = await serve(host)
    const fooled = linkOf(files)
    assert.is(await fooled.down(), 'untrusted')
    assert.is(await fooled.down(), 'untrusted')
    await fooled.close()
    const before = loadIdentity(files)
    await server.stop()
    rmSync(data, { recursive: true })
    restoreFromNodes({ ...laterEffects(), files: [intent], keys: rootOnly, directory: data })
    server = await serve(host)
    const link = linkOf(files)
    await link.up()
    await link.close()
    const after = loadIdentity(files)
    assert.is(after?.anchor.rootKey, before?.anchor.rootKey)
    assert.is.not(after?.anchor.tlsAuthority, before?.anchor.tlsAuthority)
    assert.is.not(after?.broker.password, before?.broker.password)
  },
)

scene(
  'a token and a device from before a rotation of the root key: the one still counts, the other follows',
  async () => {
    const files = await joined('epsilon')
    const token = await newToken()
    const { host } = new URL(server.url)
    await server.stop()
    for (const now of [1, 2]) rotateRootKey(data, systemClock.now() + now)
    const { root, roots } = readKeys(data)
    server = await serve(host)
    const late = await joined('zeta', token)
    assert.is(loadIdentity(late)?.anchor.rootKey, toBase64(root.publicKey))
    // Its credentials are lost as well: it proves itself under the root that it joined under.
    const access = openAccessStore(server.paths.accessDb)
    for (const { node } of access.credentials()) access.deleteCredential(node)
    access.close()
    const before = passwordOf(files)
    const link = linkOf(files)
    await link.up()
    assert.is.not(passwordOf(files), before)
    await link.close()
    // And the TLS authority is made anew: the root that follows vouches for it.
    const intent = join(directory, 'zeta.intent')
    await exported(late, intent)
    const rootOnly = join(directory, 'rotated-root-only')
    mkdirSync(rootOnly)
    for (const name of ['root.key', 'root-chain.json']) copyFileSync(join(data, name), join(rootOnly, name))
    await server.stop()
    rmSync(data, { recursive: true })
    restoreFromNodes({ ...laterEffects(), files: [intent], keys: rootOnly, directory: data })
    assert.equal(readKeys(data).roots, roots)
    server = await serve(host)
    for (const one of [files, late]) {
      const again = linkOf(one)
      await again.up()
      await again.close()
    }
    // Without the chain nobody who joined under a former root would find the present one.
    await server.stop()
    const [chain, away] = [join(data, 'root-chain.json'), join(directory, 'root-chain.json')]
    renameSync(chain, away)
    const refusal: unknown = await serve(host).catch((error: unknown) => error)
    assert.ok(isHoldfastError(refusal, 'corrupt'), String(refusal))
    renameSync(away, chain)
    server = await serve(host)
  },
)

scene.run()
