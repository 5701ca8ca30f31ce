// A real hub and a real device's link to it, on loopback: what neither side can prove alone. A device whose credentials the
// broker has lost comes back by its key, without anybody's help; one that was removed does not.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openAccessStore } from '../../cloud/access/access-store.ts'
import { openClient } from '../../cloud/cli/client.ts'
import { type Server, startServer } from '../../cloud/serve/server.ts'
import { resolveSettings } from '../../cloud/serve/settings.ts'
import { loadIdentity } from '../../edge/enrol/identity-file.ts'
import { join as joinHub } from '../../edge/enrol/join.ts'
import { type StateFiles, stateFiles } from '../../edge/host/files.ts'
import { createHubBus } from '../../edge/host/hub-bus.ts'
import { readSettings } from '../../edge/host/settings.ts'
import { openStore } from '../../edge/store/sqlite.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { parseName } from '../../shared/ids.ts'
import { agentFilters, topics } from '../../shared/wire/topics.ts'

const scene = suite('a hub and a device')
const directory = mkdtempSync(join(tmpdir(), 'hf-hub-device-'))
const data = join(directory, 'hub')
const effects = { clock: systemClock, entropy: systemEntropy, log: memoryLog() }
let server: Server

function serve(listen = '127.0.0.1:0'): Promise<Server> {
  return startServer(resolveSettings({}, { data, listen, mqtt: '127.0.0.1:0' }, false), effects)
}

async function joined(name: string): Promise<StateFiles> {
  const client = openClient({ data })
  const { token } = await client.send<{ token: string }>('POST', '/api/v1/tokens', {})
  const files = stateFiles(join(directory, name))
  await joinHub({
    url: server.url,
    token,
    name: parseName(name),
    labels: {},
    stateDir: files.directory,
    timeoutMs: 10_000,
    clock: systemClock,
    openStore: (path) => openStore(path, effects).store,
    onProgress: () => undefined,
  })
  return files
}

interface Link {
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
    onMessage: () => undefined,
  })
  return {
    async close() {
      await bus.close()
      opened.store.close()
    },
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

scene.run()
