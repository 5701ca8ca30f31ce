// What the hub knows of its devices: who is there, what they run, how they are. A report costs the same in any fleet.

import { compareText, fromBase64 } from '../../shared/bytes.ts'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { type DeviceLink, splitLed } from '../../shared/record/device-link.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import { parsePresence, parseStatus, readStatus } from '../../shared/wire/report.ts'
import type { NodeChannel } from '../../shared/wire/topics.ts'
import type { FleetNode, HubEvent } from '../hub.ts'
import type { Enrolment, HubStore, LastWord } from '../store/hub-store.ts'
import { type Device, fromTheFuture, memberOf, newDevice, noteUnread, showDevice, stateOf } from './device.ts'
import { isNewerWord, openWord, unled } from './device-facts.ts'
import { auditOf, type OverrideReading, openOverrides } from './device-overrides.ts'
import { createHeardOf } from './heard-of.ts'
import type { Member } from './progress.ts'
import { newsOf } from './report-news.ts'
import { takeReport } from './take-report.ts'
import { TELL_EVERY_MS, tellTakenBack } from './taken-back.ts'

export interface FleetOptions extends OverrideReading {
  readonly store: HubStore
  readonly clock: Clock
  readonly log: Log
  readonly emit: (event: HubEvent) => void
  /** What the hub has signed last. */
  readonly newest: (network: Name) => Version | undefined
  /** A device states that it has another WireGuard key. */
  readonly onKey: (node: NodeId, statement: Uint8Array) => void
  /** Links between device keys came in front of what a device said. */
  readonly onLinks: (node: NodeId, links: readonly DeviceLink[]) => void
  /** A device told of its policy overrides. */
  readonly onOverrides: (node: NodeId) => void
}

/** Last words are written together: a fleet that reports every few seconds must not wear the disk. */
const SAVE_EVERY_MS = 10_000
/** Agents spread their return over 30 s; with a broker that forgot, who has not come back by now is away. */
const CONFIRM_WITHIN_MS = 90_000
const DETAIL_MAX = 300

export class Fleet {
  readonly #options: FleetOptions
  readonly #devices = new Map<NodeId, Device>()
  readonly #heardOf = createHeardOf()
  readonly #unsaved = new Set<NodeId>()
  readonly #confirming = new Map<Name, Timer>()
  #saving: Timer | undefined

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** Makes the devices known and gives them back what they last said. Nobody is online until the broker says so. */
  load(enrolments: readonly Enrolment[]): void {
    const words = new Map(this.#options.store.lastWords().map((word) => [word.nodeId, word]))
    for (const enrolment of enrolments) {
      this.add(enrolment)
      const device = this.#devices.get(enrolment.nodeId)
      const word = words.get(enrolment.nodeId)
      if (device !== undefined && word !== undefined) this.#recall(device, word)
    }
    for (const device of this.#devices.values()) this.#heardOf.recall(device)
  }

  add(enrolment: Enrolment): void {
    const device = this.#devices.get(enrolment.nodeId) ?? newDevice(enrolment)
    device.enrolment = enrolment
    this.#devices.set(enrolment.nodeId, device)
    this.#heardOf.add(device)
  }

  remove(node: NodeId): void {
    const device = this.#devices.get(node)
    if (device !== undefined) this.#heardOf.remove(device)
    this.#devices.delete(node)
    this.#unsaved.delete(node)
    this.#options.store.deleteLastWord(node)
  }

  enrolment(node: NodeId): Enrolment | undefined {
    return this.#devices.get(node)?.enrolment
  }

  /** How it was of late; nothing of one that is not known. */
  readonly trace = (node = '' as NodeId) => this.#devices.get(node)?.trace.points() ?? []

  /** A member of the network whose words count. */
  hears(node: NodeId, network: Name): boolean {
    const device = this.#devices.get(node)
    return device !== undefined && device.enrolment.network === network && !device.suspended
  }

  /** Its Node was disabled, or enabled again. A connection it had is gone, whatever the broker still says of it. */
  suspend(node: NodeId, suspended: boolean): void {
    const device = this.#devices.get(node)
    if (device === undefined || device.suspended === suspended) return
    device.suspended = suspended
    device.session = undefined
    if (device.online) this.#turn(device, false)
    else device.since = this.#options.clock.now()
  }

  presence(node: NodeId, payload: Uint8Array): void {
    const device = this.#devices.get(node)
    if (device === undefined) return
    const { online, session } = parsePresence(payload)
    this.accepted(node, 'presence')
    // The will of a connection that has been followed by another says nothing about the present.
    if (!online && device.session !== undefined && device.session !== session) return
    device.confirmed = true
    if (device.online === online && device.session === session) return this.#heard(device)
    // The same session before and after a restart of the hub: the device was there all along.
    const knownSince = online && device.word.session === session ? device.word.since : undefined
    device.session = session
    this.#turn(device, online, knownSince)
  }

  status(node: NodeId, payload: Uint8Array): void {
    const device = this.#devices.get(node)
    if (device === undefined) return
    const { report, unread } = readStatus(payload)
    this.#noteUnread(device, 'status', unread)
    const newest = this.#options.newest(device.enrolment.network)
    if (newest !== undefined && compareVersion(report.revision.held, newest) > 0) {
      this.refused(node, 'status', fromTheFuture(report.revision.held, newest))
    } else this.accepted(node, 'status')
    const before = device.report
    takeReport(device, report, payload, this.#options.clock.now())
    this.#heard(device)
    this.#heardOf.note(device, this.#options.clock.now())
    for (const event of newsOf(before, report, device)) this.#options.emit(event)
    const row = tellTakenBack(device, before?.revision.quarantine, this.#options)
    if (row !== undefined) this.#tolerate(() => this.#options.store.putAudit(row))
  }

  fact(node: NodeId, payload: Uint8Array): void {
    const device = this.#devices.get(node)
    if (device === undefined) return
    const envelope = unled(node, payload, this.#options)
    const { fact, unread } = openWord(device, envelope, this.#options)
    this.accepted(node, 'fact')
    this.#noteUnread(device, 'fact', unread)
    if (!isNewerWord(fact, envelope, device)) return
    device.fact = fact
    device.word = { ...device.word, fact: payload }
    if (fact.keyStatement !== undefined) this.#options.onKey(node, fromBase64(fact.keyStatement))
    this.#heard(device)
  }

  /** All that the device still tells of; what is new among it is written into the audit log. */
  overrides(node: NodeId, payload: Uint8Array): void {
    const device = this.#devices.get(node)
    if (device === undefined) return
    const envelope = unled(node, payload, this.#options)
    const told = openOverrides(device, envelope, this.#options)
    this.accepted(node, 'override')
    const { clock, emit, onOverrides, store } = this.#options
    const rows = auditOf(device, told, clock.now())
    for (const row of rows) this.#tolerate(() => store.putAudit(row))
    device.overrides = told
    device.word = { ...device.word, override: payload }
    this.#heard(device)
    onOverrides(node)
    if (rows.length > 0) emit({ type: 'override', name: device.enrolment.name })
  }

  /** Devices that told of policy overrides. */
  overridden(): readonly Device[] {
    return [...this.#devices.values()].filter((device) => device.overrides.length > 0)
  }

  /** What it calls its present life; undefined while it is away. */
  session(node: NodeId): string | undefined {
    const { online, session, suspended } = this.#devices.get(node) ?? {}
    return online === true && suspended === false ? session : undefined
  }

  /** The device said something that does not parse, does not verify, or is too much: a condition, and a line for the audit. */
  refused(node: NodeId, channel: NodeChannel, reason: string): void {
    const device = this.#devices.get(node)
    if (device === undefined) return
    const { clock, log, store } = this.#options
    const at = clock.now()
    const why = reason.slice(0, DETAIL_MAX)
    device.refusal = { since: device.refusal?.since ?? at, channel, why }
    const now = clock.monotonic()
    if (device.toldAt !== undefined && now - device.toldAt < TELL_EVERY_MS) return
    device.toldAt = now
    const { name } = device.enrolment
    log.warn('a message of a node was refused', { node: name, channel, reason: why })
    const row = { at, actor: name, verb: 'refused', target: `node/${name}`, detail: `${channel}: ${why}` }
    this.#tolerate(() => store.putAudit(row))
  }

  /** It says something acceptable of that sort. */
  accepted(node: NodeId, channel: NodeChannel): void {
    const device = this.#devices.get(node)
    if (device?.refusal?.channel === channel) device.refusal = undefined
  }

  /** The broker is about to repeat what it kept; devices it does not speak of in time are away. */
  linkUp(network: Name): void {
    this.#confirming.get(network)?.cancel()
    const timer = this.#options.clock.after(CONFIRM_WITHIN_MS, () => {
      this.#confirming.delete(network)
      for (const device of this.#devices.values()) {
        if (device.enrolment.network === network && device.online && !device.confirmed) this.#turn(device, false)
      }
    })
    this.#confirming.set(network, timer)
  }

  linkDown(network: Name): void {
    this.#confirming.get(network)?.cancel()
    this.#confirming.delete(network)
    for (const device of this.#devices.values()) if (device.enrolment.network === network) device.confirmed = false
  }

  /** Approved devices of a network and what they run; `counts` leaves out those that are not to be waited for. */
  members(network: Name, counts: (name: Name) => boolean): readonly Member[] {
    const own = [...this.#devices.values()].filter(({ enrolment }) => enrolment.network === network)
    return own.filter(({ enrolment: { name, state } }) => state !== 'pending' && counts(name)).map(memberOf)
  }

  show(node: NodeId, addresses: readonly string[]): FleetNode | undefined {
    const device = this.#devices.get(node)
    return device === undefined ? undefined : showDevice(device, addresses)
  }

  /** By name. */
  list(addressesOf: (name: Name) => readonly string[]): readonly FleetNode[] {
    return [...this.#devices.values()]
      .map((device) => showDevice(device, addressesOf(device.enrolment.name)))
      .sort((a, b) => compareText(a.name, b.name))
  }

  save(): void {
    this.#saving?.cancel()
    this.#saving = undefined
    if (this.#unsaved.size === 0) return
    const words = [...this.#unsaved].flatMap((node) => this.#devices.get(node)?.word ?? [])
    this.#unsaved.clear()
    this.#tolerate(() => this.#options.store.putLastWords(words))
  }

  /** Saves, and does nothing of its own accord any more. */
  stop(): void {
    this.save()
    for (const timer of this.#confirming.values()) timer.cancel()
    this.#confirming.clear()
  }

  #recall(device: Device, word: LastWord): void {
    const { fact, lastSeen, override, session, status } = word
    device.word = word
    device.lastSeen = lastSeen
    device.since = lastSeen
    device.session = session
    if (status !== undefined) this.#tolerate(() => (device.report = parseStatus(status)))
    if (fact !== undefined)
      this.#tolerate(() => (device.fact = openWord(device, splitLed(fact).envelope, this.#options).fact))
    if (override !== undefined)
      this.#tolerate(() => (device.overrides = openOverrides(device, splitLed(override).envelope, this.#options)))
  }

  #turn(device: Device, online: boolean, since?: number): void {
    const changed = device.online !== online || device.lastSeen === undefined
    device.online = online
    if (changed) device.since = since ?? this.#options.clock.now()
    const { session: _, since: __, ...word } = device.word
    const { session } = device
    device.word = online && session !== undefined ? { ...word, session, since: device.since } : word
    this.#heard(device)
    if (changed) this.#options.emit({ type: 'node', name: device.enrolment.name, state: stateOf(device) })
  }

  #heard(device: Device): void {
    device.lastSeen = this.#options.clock.now()
    device.word = { ...device.word, lastSeen: device.lastSeen }
    this.#saving ??= this.#options.clock.after(SAVE_EVERY_MS, () => this.save())
    this.#unsaved.add(device.enrolment.nodeId)
  }

  #noteUnread(device: Device, channel: 'status' | 'fact', unread: readonly string[]): void {
    const { clock, log } = this.#options
    if (!noteUnread(device, channel, unread, clock.now())) return
    const fields = unread.join(', ')
    log.info('a node says more than this hub understands', { node: device.enrolment.name, channel, fields })
  }

  #tolerate(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#options.log.warn('the last word of a node could not be read or kept', { reason: describeError(error) })
    }
  }
}
