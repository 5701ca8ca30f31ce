// A device's own join and its own link to the hub: it proves each head that it hears, and holds that none is older than the one
// before.

import { loadIdentity } from '../../edge/enrol/identity-file.ts'
import { join } from '../../edge/enrol/join.ts'
import { stateFiles } from '../../edge/host/files.ts'
import { createHubBus } from '../../edge/host/hub-bus.ts'
import { readSettings } from '../../edge/host/settings.ts'
import { openStore } from '../../edge/store/sqlite.ts'
import { fromBase64 } from '../../shared/bytes.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import type { Bus } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { parseName } from '../../shared/ids.ts'
import { compareVersion, openHead, type Version } from '../../shared/record/head.ts'
import { keyring } from '../../shared/record/keys.ts'
import { agentFilters, topics } from '../../shared/wire/topics.ts'

const PATIENCE_MS = 20_000

export interface Follower {
  readonly isUp: boolean
  /** Of all heads that it heard. */
  readonly newest: Version
  /** Resolves with the first head of at least that revision; rejects where none comes. */
  until(revision: number): Promise<Version>
  /** Gives the connection up and makes another, as a device does that hears nothing for a while. */
  reconnect(): void
  close(): Promise<void>
}

/** Joins as `device`. @testonly */
export async function joinAndFollow(url: string, token: string, directory: string): Promise<Follower> {
  const files = stateFiles(directory)
  // The back-off's least: what is tested is what happens, not when.
  const effects = { clock: systemClock, entropy: { ...systemEntropy, fraction: () => 0.05 }, log: memoryLog() }
  await join({
    url,
    token,
    name: parseName('device'),
    labels: {},
    stateDir: files.directory,
    timeoutMs: 10_000,
    clock: systemClock,
    openStore: (path) => openStore(path, effects).store,
    onProgress: () => undefined,
  })
  const identity = loadIdentity(files)
  if (identity === undefined) throw new HoldfastError('failed', 'the device did not join')
  const opened = openStore(files.database, effects)
  const { network, nodeId } = identity
  const keys = identity.keys.map((key) => fromBase64(key))
  const known = keyring(keys, fromBase64(identity.anchor.rootKey), verify, sha256)
  let newest: Version = { epoch: 0, revision: 0 }
  let isUp = false
  let fault: HoldfastError | undefined
  const waiting = new Set<() => void>()
  const make = createHubBus({
    ...effects,
    settings: readSettings({ file: undefined, env: {}, flags: {} }),
    files,
    identity,
    store: opened.store,
    onCertificate: () => undefined,
  })

  const hear = (payload: Uint8Array): void => {
    const { epoch, revision } = openHead(payload, known, verify)
    if (compareVersion({ epoch, revision }, newest) < 0) {
      fault = new HoldfastError('stale', `it heard revision ${revision} after ${newest.revision}`)
    }
    newest = { epoch, revision }
    for (const look of waiting) look()
  }

  const open = (): Bus => {
    const bus = make({
      filters: agentFilters(network.id, nodeId),
      will: { topic: topics.node(network.id, nodeId, 'presence'), payload: new Uint8Array(1), retain: true },
    })
    bus.start({
      onUp: () => void (isUp = true),
      onDown: () => void (isUp = false),
      onMessage: (topic, payload) => topic === topics.head(network.id) && hear(payload),
    })
    return bus
  }

  let bus = open()
  return {
    get isUp() {
      return isUp
    },
    get newest() {
      return newest
    },
    until: (revision) =>
      new Promise((resolve, reject) => {
        const late = new HoldfastError('failed', `no revision ${revision}; ${newest.revision} is the newest heard`)
        const timer = setTimeout(() => settle(() => reject(late)), PATIENCE_MS)
        const settle = (how: () => void): void => {
          clearTimeout(timer)
          waiting.delete(look)
          how()
        }
        const look = (): void => {
          if (fault !== undefined) settle(() => reject(fault))
          else if (newest.revision >= revision) settle(() => resolve(newest))
        }
        waiting.add(look)
        look()
      }),
    reconnect() {
      void bus.close()
      bus = open()
    },
    async close() {
      await bus.close()
      opened.store.close()
    },
  }
}
