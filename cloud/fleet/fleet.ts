// What the hub knows of its devices: who is there, what they run, how they are. Each report costs the same, whatever the
// size of the fleet.

import type { Clock, Log, Sha256, Verify } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { type Fact, isNewerFact, openFact } from '../../shared/fact/fact.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { compareVersion, noVersion, type Version } from '../../shared/record/head.ts'
import { parsePresence, parseStatus, type StatusReport } from '../../shared/wire/report.ts'
import type { FleetNode, HubEvent } from '../hub.ts'
import type { Enrolment, HubStore, LastWord } from '../store/hub-store.ts'

interface Device {
  enrolment: Enrolment
  online: boolean
  session: string | undefined
  since: number
  lastSeen: number | undefined
  report: StatusReport | undefined
  fact: Fact | undefined
  /** Bytes as received, to be kept across a restart. */
  word: LastWord
}

export interface FleetOptions {
  readonly store: HubStore
  readonly clock: Clock
  readonly log: Log
  readonly sha256: Sha256
  readonly verify: Verify
  readonly emit: (event: HubEvent) => void
}

/** Last words are written together: a fleet that reports every few seconds must not wear the disk. */
const SAVE_EVERY_MS = 10_000

export class Fleet {
  readonly #options: FleetOptions
  readonly #devices = new Map<NodeId, Device>()
  readonly #unsaved = new Set<NodeId>()

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** Makes the devices known and gives them back what they last said. */
  load(enrolments: readonly Enrolment[]): void {
    const words = new Map(this.#options.store.lastWords().map((word) => [word.nodeId, word]))
    for (const enrolment of enrolments) {
      this.add(enrolment)
      const device = this.#devices.get(enrolment.nodeId)
      const word = words.get(enrolment.nodeId)
      if (device === undefined || word === undefined) continue
      device.word = word
      device.lastSeen = word.lastSeen
      device.since = word.lastSeen
      if (word.status !== undefined) this.#tolerate(() => (device.report = parseStatus(word.status as Uint8Array)))
      if (word.fact !== undefined) this.#tolerate(() => (device.fact = this.#open(device, word.fact as Uint8Array)))
    }
  }

  add(enrolment: Enrolment): void {
    const held = this.#devices.get(enrolment.nodeId)
    if (held !== undefined) {
      held.enrolment = enrolment
      return
    }
    const word = { nodeId: enrolment.nodeId, lastSeen: 0 }
    this.#devices.set(enrolment.nodeId, {
      enrolment,
      word,
      online: false,
      session: undefined,
      since: enrolment.at,
      lastSeen: undefined,
      report: undefined,
      fact: undefined,
    })
  }

  remove(node: NodeId): void {
    this.#devices.delete(node)
    this.#unsaved.delete(node)
    this.#options.store.deleteLastWord(node)
  }

  enrolment(node: NodeId): Enrolment | undefined {
    return this.#devices.get(node)?.enrolment
  }

  presence(node: NodeId, payload: Uint8Array): void {
    const device = this.#devices.get(node)
    if (device === undefined) return
    const { online, session } = parsePresence(payload)
    // The will of a connection that has been followed by another says nothing about the present.
    if (!online && device.session !== undefined && device.session !== session) return
    device.session = session
    this.#heard(device)
    if (device.online === online) return
    device.online = online
    device.since = this.#options.clock.now()
    this.#options.emit({ type: 'node', name: device.enrolment.name, state: online ? 'online' : 'offline' })
  }

  status(node: NodeId, payload: Uint8Array): void {
    const device = this.#devices.get(node)
    if (device === undefined) return
    const report = parseStatus(payload)
    const before = device.report?.revision.applied ?? noVersion
    device.report = report
    device.word = { ...device.word, status: payload }
    this.#heard(device)
    if (compareVersion(report.revision.applied, before) !== 0) {
      this.#options.emit({ type: 'acknowledged', name: device.enrolment.name, version: report.revision.applied })
    }
  }

  fact(node: NodeId, payload: Uint8Array): void {
    const device = this.#devices.get(node)
    if (device === undefined) return
    const fact = this.#open(device, payload)
    if (!isNewerFact(fact, device.fact)) return
    device.fact = fact
    device.word = { ...device.word, fact: payload }
    this.#heard(device)
  }

  applied(node: NodeId): Version {
    return this.#devices.get(node)?.report?.revision.applied ?? noVersion
  }

  isOnline(node: NodeId): boolean {
    return this.#devices.get(node)?.online ?? false
  }

  /** Forgets who is online: after the hub's own link was down, retained presence says it again. */
  list(addressesOf: (name: Name) => readonly string[]): readonly FleetNode[] {
    return [...this.#devices.values()]
      .map((device) => this.#show(device, addressesOf(device.enrolment.name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  save(): void {
    if (this.#unsaved.size === 0) return
    const words = [...this.#unsaved].flatMap((node) => this.#devices.get(node)?.word ?? [])
    this.#unsaved.clear()
    this.#tolerate(() => this.#options.store.putLastWords(words))
  }

  #heard(device: Device): void {
    device.lastSeen = this.#options.clock.now()
    device.word = { ...device.word, lastSeen: device.lastSeen }
    if (this.#unsaved.size === 0) this.#options.clock.after(SAVE_EVERY_MS, () => this.save())
    this.#unsaved.add(device.enrolment.nodeId)
  }

  #open(device: Device, envelope: Uint8Array): Fact {
    const { nodeId, deviceKey } = device.enrolment
    return openFact(envelope, nodeId, deviceKey, this.#options.verify, this.#options.sha256)
  }

  #tolerate(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#options.log.warn('the last word of a node is not usable', { reason: describeError(error) })
    }
  }

  #show(device: Device, addresses: readonly string[]): FleetNode {
    const { enrolment, report, fact, lastSeen } = device
    const quiet = lastSeen === undefined ? 'never-seen' : device.online ? 'online' : 'offline'
    return {
      nodeId: enrolment.nodeId,
      name: enrolment.name,
      network: enrolment.network,
      wgKey: enrolment.wgKey,
      deviceKey: enrolment.deviceKey,
      addresses,
      state: enrolment.state === 'pending' ? 'pending' : quiet,
      since: device.since,
      ...(lastSeen === undefined ? {} : { lastSeen }),
      ...(report === undefined ? {} : { report }),
      ...(fact === undefined ? {} : { fact }),
      health: report?.health ?? [],
    }
  }
}
