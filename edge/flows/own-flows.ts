// The flows of this node: what they are judged by is what its kernel was told, so the driver is listened to. Before its policy
// changes, what passed under the former one is put on record.

import type { Address } from '../../shared/address/cidr.ts'
import { fromBase64 } from '../../shared/bytes.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import type { FlowBatch } from '../../shared/flows/batch.ts'
import { queryFlows } from '../../shared/flows/query.ts'
import { createFlowTally } from '../../shared/flows/tally.ts'
import { type Endpoint, worldOf } from '../../shared/policy/world.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { AgentOptions } from '../agent.ts'
import type { Parts } from '../agent-parts.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Enforcement } from '../plan/enforcement.ts'
import { queryBatches } from './batches.ts'
import { type Collector, createCollector } from './collector.ts'
import type { AgentFlows } from './doors.ts'
import type { FlowLedger } from './ledger.ts'
import type { Serving } from './outside.ts'
import type { Scene } from './scene.ts'
import { createFlowSender, type FlowSender } from './sender.ts'
import type { Way } from './summary.ts'
import { createTaken } from './taken.ts'
import { createWitness, type Witness } from './witness.ts'

export interface OwnFlows extends AgentFlows {
  /** The driver, listened to. */
  readonly driver: Driver
  start(boot: () => number): void
  /** Brings the record to the hub, once it is open; undefined where it stays here. */
  sender(): FlowSender | undefined
  stop(): Promise<void>
}

/** How long a change of policy waits for a last look at what passed before it. */
const LAST_LOOK_MS = 1_000

function refuse(): never {
  throw new HoldfastError('unsupported', 'this node keeps no record of flows', {
    remedy: 'Set `flows: on` in its config file, and restart the agent.',
  })
}

interface Opened {
  readonly witness: Witness
  readonly ledger: FlowLedger
  readonly collector: Collector
  readonly sender: FlowSender | undefined
}

/** `tell` hands a message to the link. */
export function createOwnFlows(
  options: AgentOptions,
  parts: Parts,
  tell: (payload: Uint8Array) => Promise<void>,
): OwnFlows {
  const { driver, flows, identity, log, sha256, store, verify } = options
  const { clock, health, holding, keep, ownDevice, peers, pods, services } = parts
  let policy: Enforcement | undefined
  let directory:
    | { readonly of: unknown; readonly pods: number; readonly endpoints: ReadonlyMap<Address, Endpoint> }
    | undefined
  let opened: Opened | undefined
  const tally = createFlowTally()
  const taken = createTaken(store, (run) => void keep.write('note what the hub takes of flows', run))

  const endpoints = (): ReadonlyMap<Address, Endpoint> => {
    const records = holding.inForce()?.parsed.records
    if (directory === undefined || directory.of !== records || directory.pods !== pods.revision()) {
      const all = records === undefined ? [] : worldOf(records, ({ nodeId }) => pods.of(nodeId)).endpoints
      directory = {
        of: records,
        pods: pods.revision(),
        endpoints: new Map(all.flatMap((one) => one.addresses.map((address) => [address, one] as const))),
      }
    }
    return directory.endpoints
  }

  const scene = (): Scene => {
    const version = holding.inForce()?.version
    return { policy, endpoints: endpoints(), revision: version === undefined ? '0' : formatVersion(version) }
  }

  const wayTo = (node: string): Way | undefined => {
    const entry = peers.entries.find(({ member }) => member.name === node)
    if (entry === undefined) return undefined
    const via = entry.via === undefined ? undefined : (peers.of(entry.via)?.member.name ?? entry.via)
    return { path: entry.path, ...(via === undefined ? {} : { via }) }
  }

  /** What stays here is read by nobody older. */
  const serving = (): Serving | undefined =>
    flows?.toHub === undefined || taken.has('outside') ? services.serving() : undefined

  const lastLook = async (): Promise<void> => {
    if (opened === undefined) return
    const patience = Promise.withResolvers<void>()
    const timer = clock.after(LAST_LOOK_MS, patience.resolve)
    await Promise.race([opened.collector.collect(), patience.promise])
    timer.cancel()
  }

  const watched: Driver = {
    ...driver,
    async apply(ops) {
      const change = ops.find((op) => op.op === 'policy-set')
      if (change !== undefined) await lastLook()
      const reached = await driver.apply(ops)
      if (change !== undefined && reached.done.includes(change)) {
        policy = change.policy
        opened?.collector.adoptScene()
        void opened?.collector.collect()
      }
      return reached
    },
  }

  /** True where the record is not what this device kept. */
  const tellFault = (setAside: string | undefined, shorter: string | undefined): boolean => {
    const fault = setAside ?? shorter
    if (fault === undefined) return false
    health.raise('flow-ledger-broken', fault)
    keep.journal('flow-ledger-broken', fault)
    return true
  }

  const createSender = (ledger: FlowLedger): FlowSender | undefined => {
    const { toHub } = flows ?? {}
    if (toHub === undefined) return undefined
    const { entropy, identity: own, signer } = options
    const self = { network: own.network.id, node: own.nodeId, signer, links: () => ownDevice.links() }
    return createFlowSender({ ...self, ...toHub, clock, entropy, log, sha256, ledger, send: tell, taken })
  }

  const open = (boot: () => number): void => {
    if (flows === undefined || driver.flows === undefined) return
    try {
      const { ledger, setAside } = flows.open({
        network: identity.network.id,
        node: identity.nodeId,
        signer: options.signer,
        keys: () => ownDevice.keys().map(fromBase64),
        sha256,
        verify,
        clock,
        log,
      })
      const witness = createWitness(store, (run) => void keep.write('note how long the record of flows is', run))
      const damaged = tellFault(setAside, witness.fault(ledger.last()?.seq ?? 0))
      const write = (doing: string, run: () => void): boolean => {
        const written = keep.write(doing, run)
        if (!written) return false
        witness.note(ledger.checkpoint().count, clock.monotonic())
        sender?.appended()
        return true
      }
      const sender = createSender(ledger)
      const noted = {
        append(batch: FlowBatch) {
          ledger.append(batch)
          tally.note(batch)
        },
        last: () => ledger.last(),
      }
      const doors = { clock, log, reader: driver.flows, ledger: noted, boot, scene, wayTo, serving, write, damaged }
      opened = { ledger, collector: createCollector(doors), witness, sender }
    } catch (error) {
      log.warn('flows are not kept on record', { reason: describeError(error) })
      health.raise('disk-full', `flows are not kept on record: ${describeError(error)}`)
    }
  }

  return {
    driver: flows === undefined ? driver : watched,
    start(boot) {
      open(boot)
      opened?.collector.start()
    },
    async stop() {
      const { collector, ledger, sender, witness } = opened ?? {}
      await collector?.stop()
      sender?.down()
      const count = ledger?.last()?.seq ?? 0
      opened = undefined
      ledger?.close()
      witness?.close(count)
    },
    sender: () => opened?.sender,
    async query(query) {
      const { collector, ledger } = opened ?? refuse()
      await collector.collect()
      return queryFlows(ledger, query)
    },
    figures() {
      if (opened === undefined) return undefined
      return { tally, batches: opened.ledger.checkpoint().count, atHub: opened.sender?.atHub() }
    },
    async batches(query) {
      const { collector, ledger } = opened ?? refuse()
      if (query.beforeSeq === undefined) await collector.collect()
      return queryBatches(ledger, query)
    },
    fault: () => (opened ?? refuse()).ledger.fault(),
  }
}
