// The simulated hub: a real hub over a database in memory that outlives it, crashed and started again at will.

import type { Actor } from '../../cloud/audit.ts'
import { createHub } from '../../cloud/create-hub.ts'
import type { Hub } from '../../cloud/hub.ts'
import { openHubStore } from '../../cloud/store/sqlite.ts'
import { type NextRoot, nextRoot, nextSigner } from '../../cloud/tls/next-keys.ts'
import { toBase64 } from '../../shared/bytes.ts'
import type { FakeClock } from '../../shared/effects.fake.ts'
import type { Entropy, Log, Signer, Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { type NodeId, parseDeviceKey } from '../../shared/ids.ts'
import { noVersion, type Version } from '../../shared/record/head.ts'
import { certifyKey } from '../../shared/record/keys.ts'
import { parseRecord, type RecordSet } from '../../shared/record/record.ts'
import type { RootPin } from '../../shared/record/root.ts'
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
  /** The public half of the key that signed it, and the root that certified that key. */
  readonly signedBy: Uint8Array
  readonly root: RootPin
}

export interface SimHub {
  /** The running hub; undefined while it is down. */
  running(): Hub | undefined
  start(): void
  crash(): void
  /** Another key in the place of the present one; a hub that runs starts anew with it. Says what it did. */
  rotate(which: 'root' | 'signing'): string
  /** The root that devices are to pin. */
  root(): RootPin
  /** A thief has its disk: it starts again and knows of no membership lock. */
  forgetLock(): void
  /** Makes the change if the hub is up; says what came of it. */
  change(change: IntentChange): string
  /** What a broker in the wrong hands sees; undefined before anything was published. */
  mark(node: NodeId): Mark | undefined
  /** The signing keys before the present one, the latest first: whoever has one of them has nothing any more. */
  readonly formerSigners: readonly Signer[]
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

function namesIn(records: RecordSet): ReadonlySet<string> {
  const parsed = [...records.values()].map(parseRecord)
  return new Set(parsed.flatMap((record) => (record.kind === 'node' ? record.body.name : [])))
}

export function createSimHub({ base, broker, entropy, log, verify }: SimHubOptions): SimHub {
  const store = openHubStore(':memory:', log)
  let [root, signer] = [signerFromSeed(entropy.bytes(32)), signerFromSeed(entropy.bytes(32))]
  let certifiedAt = base.now()
  let certificate = certifyKey(signer.publicKey, certifiedAt, root, sha256)
  let chain: NextRoot['chain'] = []
  const rootPin = (): RootPin => ({ key: root.publicKey, serial: chain.at(-1)?.link.serial ?? 0 })
  const history: Signed[] = []
  const startFailures: string[] = []
  const formerSigners: Signer[] = []
  let roster: { readonly of: Signed | undefined; readonly names: ReadonlySet<string> } = {
    of: undefined,
    names: new Set(),
  }
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
      keyCertificates: [certificate],
      roots: chain,
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
    const by = { signedBy: signer.publicKey, root: rootPin() }
    running = { hub, clock }
    hub.watch((event) => {
      const held = event.type === 'published' ? published() : undefined
      if (held !== undefined) history.push({ version: held.version, records: new Map(held.records), ...by })
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

  const rotate: SimHub['rotate'] = (which) => {
    const next = signerFromSeed(entropy.bytes(32))
    const ran = running !== undefined
    crash()
    if (which === 'root') {
      ;({ certificate, certifiedAt, chain } = nextRoot({ root, signer, certifiedAt, chain }, next, base.now(), sha256))
      root = next
    } else {
      ;({ certificate, certifiedAt } = nextSigner({ root, certifiedAt }, next, base.now(), sha256))
      formerSigners.unshift(signer)
      signer = next
    }
    if (ran) start()
    return `the hub has another ${which} key${which === 'root' ? `, number ${rootPin().serial}` : ''}`
  }

  return {
    running: () => running?.hub,
    rotate,
    root: rootPin,
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
      return held === undefined ? undefined : { ...held, node, signedBy: signer.publicKey, root: rootPin() }
    },
    newest: () => history.at(-1)?.version ?? noVersion,
    members() {
      const newest = history.at(-1)
      if (newest !== undefined && newest !== roster.of) roster = { of: newest, names: namesIn(newest.records) }
      return roster.names
    },
    history,
    formerSigners,
    startFailures,
    close: () => store.close(),
  }
}
