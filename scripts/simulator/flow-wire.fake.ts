// A device's record of flows and a hub's store of them, both real, on disks that stay; between them a wire that loses, repeats
// and reorders. Either end can be ended at any moment, as a power cut would.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditRow } from '../../cloud/audit.ts'
import { createFlowDesk, type FlowDesk } from '../../cloud/flows/desk.ts'
import type { FlowStore } from '../../cloud/flows/flow-store.ts'
import { openFlowStore } from '../../cloud/flows/sqlite-flows.ts'
import type { Enrolment } from '../../cloud/store/hub-store.ts'
import type { FlowLedger } from '../../edge/flows/ledger.ts'
import { createFlowSender, type FlowSender } from '../../edge/flows/sender.ts'
import { openLedger } from '../../edge/flows/sqlite-ledger.ts'
import { createTaken, type Taken } from '../../edge/flows/taken.ts'
import { MemoryStore } from '../../edge/store/memory.fake.ts'
import { toBase64, toHex, utf8 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog, seededEntropy } from '../../shared/effects.fake.ts'
import type { Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { FlowBatch } from '../../shared/flows/batch.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { parseDeviceKey, parseName, parseNetworkId, parseNodeId, parseWgKey } from '../../shared/ids.ts'
import { type DeviceLink, signDeviceLink } from '../../shared/record/device-link.ts'

export const node = parseNodeId('b'.repeat(16))
const network = parseNetworkId('a'.repeat(12))
const signer = signerFromSeed(new Uint8Array(32).fill(7))

/** When a clock that stands still begins; batches are of one millisecond each. */
export const START_MS = 1_700_000_000_000

/** That no packing makes smaller than 96 bytes. */
function wordOf(n: number): string {
  return [0, 1, 2].map((part) => toHex(sha256(utf8(`${n} ${part}`)))).join('')
}

function batchOf(n: number, more: Partial<FlowBatch> = {}): FlowBatch {
  const counts = { by: 'nft', epoch: 'e', total: { packets: n, bytes: 2 } } as const
  const ends = Array.from({ length: 4 }, (_, at) => ({ address: `10.7.${at}.${n % 250}` as never, name: `n${at}` }))
  const none = { packets: 0, bytes: 0 }
  const flow = { source: ends[0]?.address as never, destination: ends[1]?.address as never, protocol: 6 }
  const reason = { kind: 'default', direction: 'ingress' } as const
  const one = { ...flow, direction: 'ingress', verdict: n % 3 === 0 ? 'drop' : 'accept', reason, back: none } as const
  const records = [{ ...one, sent: { packets: n, bytes: n } }]
  const to = START_MS + n
  return { from: to, to, boot: 1, revision: wordOf(n), counts, ends, records, lostBefore: [], ...more }
}

/** What becomes of a message: how often it arrives, and how late each time. */
export type Fate = () => readonly number[]

export interface FlowWire {
  readonly clock: FakeClock
  readonly audit: AuditRow[]
  readonly ledger: FlowLedger
  readonly desk: FlowDesk
  readonly store: FlowStore
  readonly sender: FlowSender
  /** What the device knows of the fields that the hub takes; outlives its process. */
  readonly taken: Taken
  /** Messages of the device so far, and their bytes. */
  readonly sent: { count: number; bytes: number }
  readonly refused: string[]
  /** The hub's disk takes no writes. */
  isFull: boolean
  readonly ledgerPath: string
  readonly storePath: string
  fate: Fate
  /** Changes a message of the device on its way. */
  twist: (payload: Uint8Array) => Uint8Array
  write(count: number, more?: Partial<FlowBatch>): void
  /** The process of the device ends, and another one starts; `between`: what becomes of its files meanwhile. */
  restartDevice(between?: () => void): void
  restartHub(between?: () => void): void
  /** The device has another key from now on. */
  rotateKey(): void
  cut(): void
  join(): void
  /** Numbers of the batches that the hub has, in order, each as often as it has it. */
  held(): readonly number[]
  close(): void
}

export interface FlowWireOptions {
  readonly metered?: boolean
  readonly seed?: number
  readonly ledgerBytesMax?: number
  readonly storeBytesMax?: number
  /** Signs for the device, and is not the key that the hub knows. */
  readonly imposter?: Signer
}

function enrolled(): Enrolment {
  const key = toBase64(signer.publicKey)
  return {
    name: parseName('plc-7'),
    nodeId: node,
    network: parseName('default'),
    wgKey: parseWgKey(key),
    deviceKey: parseDeviceKey(key),
    state: 'approved',
    tokenId: 't',
    at: 1,
  }
}

function createFlowWire(options: FlowWireOptions = {}): FlowWire {
  const { metered = false, seed = 1 } = options
  const directory = mkdtempSync(join(tmpdir(), 'hf-flow-wire-'))
  const clock = new FakeClock()
  const entropy = seededEntropy(seed)
  const log = memoryLog()
  const audit: AuditRow[] = []
  const taken = createTaken(new MemoryStore(), (run) => run())
  const refused: string[] = []
  const sent = { count: 0, bytes: 0 }
  const [ledgerPath, storePath] = [join(directory, 'device.db'), join(directory, 'hub.db')]
  let enrolment = enrolled()
  let current = options.imposter ?? signer
  const signing: Signer = {
    get publicKey() {
      return current.publicKey
    },
    sign: (message) => current.sign(message),
  }
  /** From the key of enrolment to the one in use. */
  let links: readonly Uint8Array[] = []
  let joined = false
  /** Of the connection: what is under way at its end is lost. */
  let session = 0
  let written = 0

  /** A broker may hand on what was said before the device came back; what is said to it does not wait. */
  const toHub = (run: () => void): void => {
    for (const lateMs of wire.fate()) clock.after(lateMs, run)
  }
  const toDevice = (run: () => void): void => {
    const of = session
    for (const lateMs of wire.fate()) clock.after(lateMs, () => void (of === session && joined && run()))
  }

  const openDevice = () => {
    const own = { network, node, sha256, clock, log }
    const bound = options.ledgerBytesMax === undefined ? {} : { bytesMax: options.ledgerBytesMax }
    const { ledger, setAside } = openLedger(ledgerPath, {
      ...own,
      ...bound,
      signer: signing,
      keys: () => [signer.publicKey],
      verify,
    })
    const send = async (payload: Uint8Array): Promise<void> => {
      sent.count += 1
      sent.bytes += payload.length
      const twisted = wire.twist(payload.slice())
      toHub(() => wire.desk.hear(node, twisted, (chunk) => toDevice(() => wire.sender.onReply(chunk))))
    }
    const sender = createFlowSender({
      ...own,
      signer: signing,
      links: () => links,
      ledger,
      deflate,
      metered,
      entropy,
      send,
      taken,
    })
    return { ledger, sender, setAside }
  }

  const openHub = () => {
    const bound = options.storeBytesMax === undefined ? {} : { bytesMax: options.storeBytesMax }
    const real = openFlowStore(storePath, { clock, log, ...bound })
    const store: FlowStore = {
      ...real,
      take(window) {
        if (wire.isFull) throw new HoldfastError('failed', 'the disk is full')
        real.take(window)
      },
    }
    const fleet = {
      enrolment: () => enrolment,
      accepted: () => undefined,
      refused: (_node: unknown, _channel: unknown, why: string) => void refused.push(why),
    }
    const doors = {
      networkId: () => network,
      onLinks: (_node: unknown, [link]: readonly DeviceLink[]) => {
        if (link?.key === enrolment.deviceKey) enrolment = { ...enrolment, deviceKey: link.next }
      },
      putAudit: (row: AuditRow) => void audit.push(row),
    }
    return { store, desk: createFlowDesk({ ...doors, store, fleet, clock, entropy, log, sha256, verify }) }
  }

  let device = openDevice()
  let hub = openHub()
  const wire: FlowWire = {
    clock,
    audit,
    sent,
    refused,
    isFull: false,
    taken,
    ledgerPath,
    storePath,
    fate: () => [1],
    twist: (payload) => payload,
    get ledger() {
      return device.ledger
    },
    get sender() {
      return device.sender
    },
    get desk() {
      return hub.desk
    },
    get store() {
      return hub.store
    },
    write(count, more = {}) {
      for (let n = 0; n < count; n++) {
        written += 1
        device.ledger.append(batchOf(written, more))
        device.sender.appended()
      }
    },
    restartDevice(between = () => undefined) {
      const wasJoined = joined
      wire.cut()
      device.ledger.close()
      between()
      device = openDevice()
      if (device.setAside !== undefined) wire.write(1, { lostBefore: [{ why: 'damaged' }] })
      if (wasJoined) wire.join()
    },
    restartHub(between = () => undefined) {
      const wasJoined = joined
      wire.cut()
      hub.desk.stop()
      hub.store.close()
      between()
      hub = openHub()
      if (wasJoined) wire.join()
    },
    rotateKey() {
      const next = signerFromSeed(new Uint8Array(32).fill(8))
      links = [signDeviceLink(1, current, next, { network, node })]
      current = next
    },
    cut() {
      session += 1
      joined = false
      device.sender.down()
    },
    join() {
      joined = true
      device.sender.hubOnline()
    },
    held: () =>
      [...hub.store.newest({ afterId: 0, sinceMs: 0, denied: false })]
        .map(({ batch }) => batch.to - START_MS)
        .sort((a, b) => a - b),
    close() {
      device.ledger.close()
      hub.store.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  return wire
}

export async function withWire(run: (wire: FlowWire) => Promise<void>, options: FlowWireOptions = {}): Promise<void> {
  const wire = createFlowWire(options)
  try {
    await run(wire)
  } finally {
    wire.close()
  }
}

export function upTo(count: number, from = 1): readonly number[] {
  return Array.from({ length: count - from + 1 }, (_, at) => from + at)
}

/** Whatever waits for its turn has had it. */
export function pass(wire: FlowWire, ms = 60_000): Promise<void> {
  return wire.clock.advanceAsync(ms)
}

export function faultOf(wire: FlowWire): string | undefined {
  return wire.desk.fault(node)?.code
}
