// The simulated hub: a real hub over a database in memory that outlives it, crashed and started again at will.

import { createHub } from '../../cloud/create-hub.ts'
import type { Actor, Hub } from '../../cloud/hub.ts'
import { openHubStore } from '../../cloud/store/sqlite.ts'
import { toBase64 } from '../../shared/bytes.ts'
import type { FakeClock } from '../../shared/effects.fake.ts'
import type { Entropy, Log, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { type NodeId, parseDeviceKey } from '../../shared/ids.ts'
import { noVersion, type Version } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { parseRecord, type RecordSet } from '../../shared/record/record.ts'
import type { SimBroker } from './broker.ts'
import type { IntentChange } from './intent.ts'
import type { Mark } from './liar.ts'
import { createNodeClock, type NodeClock } from './node-clock.ts'

const HUB = 'hub'
const actor: Actor = { name: 'simulator', role: 'admin' }

/** A revision as it was signed. */
export interface Signed {
  readonly version: Version
  readonly records: RecordSet
}

export interface SimHub {
  /** The running hub; undefined while it is down. */
  running(): Hub | undefined
  start(): void
  crash(): void
  /** A thief has its disk: it starts again and knows of no membership lock. */
  forgetLock(): void
  /** Makes the change if the hub is up; says what came of it. */
  change(change: IntentChange): string
  /** What a broker in the wrong hands sees; undefined before anything was published. */
  mark(node: NodeId): Mark | undefined
  newest(): Version
  /** Names of the nodes that the newest revision contains. */
  members(): ReadonlySet<string>
  /** Every set of records that was ever signed. */
  readonly history: readonly Signed[]
  /** Starts that failed. */
  readonly startFailures: string[]
  close(): void
}

export interface SimHubOptions {
  readonly base: FakeClock
  readonly entropy: Entropy
  readonly broker: SimBroker
  readonly log: Log
  readonly verify: Verify
}

export function createSimHub({ base, broker, entropy, log, verify }: SimHubOptions): SimHub {
  const store = openHubStore(':memory:', log)
  const [root, signer] = [signerFromSeed(entropy.bytes(32)), signerFromSeed(entropy.bytes(32))]
  const keyCertificates = [certifyKey(signer.publicKey, base.now(), root, sha256)]
  const history: Signed[] = []
  const startFailures: string[] = []
  let running: { readonly hub: Hub; readonly clock: NodeClock } | undefined

  const published = () => {
    const network = store.networks()[0]
    const held = network === undefined ? undefined : store.published(network.id)
    return network === undefined || held === undefined ? undefined : { network: network.id, ...held }
  }

  const start = (): void => {
    if (running !== undefined) return
    const clock = createNodeClock(base)
    const options = {
      clock,
      entropy,
      log,
      sha256,
      verify,
      deflate,
      anchor: { rootKey: parseDeviceKey(toBase64(root.publicKey)), tlsAuthority: toBase64(new Uint8Array(4)) },
      signer,
      keyCertificates,
      bus: broker.factory(HUB, clock),
      brokerAccess: {
        allow: async () => undefined,
        revoke: async () => undefined,
        suspend: async () => undefined,
        resume: async () => undefined,
        credential: () => undefined,
      },
      broker: { url: 'mqtts://broker.invalid:8883', webSocketPath: '/mqtt' },
    }
    const hub = createHub(options, store)
    running = { hub, clock }
    hub.watch((event) => {
      const held = event.type === 'published' ? published() : undefined
      if (held !== undefined) history.push({ version: held.version, records: new Map(held.records) })
    })
    hub.start().catch((error: unknown) => startFailures.push(describeError(error)))
  }

  const attempt = (hub: Hub, change: IntentChange): string => {
    if (change.verb === 'delete') {
      const there = hub.delete(change.kind, change.name, actor)
      return `${there ? 'deletes' : 'would delete'} ${change.kind} ${change.name}`
    }
    hub.put(change.resource, actor)
    return `puts ${change.resource.kind} ${change.resource.metadata.name} ${JSON.stringify(change.resource.spec)}`
  }

  const crash = (): void => {
    running?.clock.kill()
    running = undefined
    broker.forget(HUB)
  }

  return {
    running: () => running?.hub,
    start,
    crash,
    forgetLock() {
      crash()
      for (const { id } of store.networks()) store.putValue(`membership-lock/${id}`, '[]')
      start()
    },
    change(change) {
      if (running === undefined) return 'the hub is down'
      try {
        return attempt(running.hub, change)
      } catch (error) {
        if (isHoldfastError(error)) return `refused: ${error.message}`
        throw new HoldfastError('failed', `the hub broke: ${String(error)}`, { cause: error })
      }
    },
    mark(node) {
      const held = published()
      return held === undefined ? undefined : { ...held, node, signedBy: signer.publicKey }
    },
    newest: () => published()?.version ?? noVersion,
    members() {
      const names = new Set<string>()
      for (const bytes of published()?.records.values() ?? []) {
        const record = parseRecord(bytes)
        if (record.kind === 'node') names.add(record.body.name)
      }
      return names
    },
    history,
    startFailures,
    close: () => store.close(),
  }
}
