// From what the kernel counted between two looks to records: by which rule, between whom, over which path. Pure. Flows of
// one service are one record where they are many, and so are the ports that one source was refused at another: a busy
// server and a port scan are a line each. What a batch has no room for is summed up.

import type { Address } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Amount, FlowEnd, FlowReason, FlowRecord } from '../../shared/flows/batch.ts'
import { flowRecordsMax, flowsApartMax } from '../../shared/limits.ts'
import type { Direction } from '../../shared/policy/decision.ts'
import type { FlowCount, FlowKey, ServiceCount } from './counters.ts'
import type { Deltas } from './deltas.ts'
import { directionOf, judgeFlow, reasonOf, recorded, type Scene } from './scene.ts'

/** The way to a node at the time. */
export interface Way {
  readonly path: 'lan' | 'direct' | 'relay' | 'tls' | 'none'
  readonly via?: string
}

export interface Summary {
  readonly ends: FlowEnd[]
  readonly records: FlowRecord[]
  /** What no record had room for. */
  readonly crowded: Amount
}

export interface SummaryInput {
  readonly deltas: Deltas
  readonly scene: Scene
  readonly atMs: number
  /** To a node, by its name. */
  readonly wayTo: (node: string) => Way | undefined
}

const NOTHING: Amount = { packets: 0, bytes: 0 }
const PORTLESS = new Set([1, 58])
/** Words of the program for what is not a flow of anybody's: the agents' own, and what keeps paths alive. */
const OWN_WORDS = new Set<number | string>(['agent', 'control'])

/** Of one link alone, or to many at once: no tunnel carries it, and the kernel says such things to every interface. */
const OF_A_LINK = /^(?:fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:|169\.254\.|2(?:2[4-9]|3\d)\.|255\.)/

function isOfMesh({ destination, source }: FlowKey): boolean {
  return !OF_A_LINK.test(source) && !OF_A_LINK.test(destination)
}

/** The agents among themselves: the same few lines for ever, on every device. */
function isOfAgents(
  { endpoints, policy }: Scene,
  { destination, destinationPort, protocol, source }: FlowKey,
): boolean {
  if (destinationPort !== policy?.meshPort || (protocol !== 6 && protocol !== 17)) return false
  return endpoints.get(source)?.kind === 'node' && endpoints.get(destination)?.kind === 'node'
}

interface Line {
  readonly key: FlowKey
  readonly direction: Direction
  readonly verdict: 'accept' | 'drop'
  readonly reason: FlowReason
  readonly sent: Amount
  readonly back: Amount
  readonly flows: number
}

function sum(a: Amount, b: Amount): Amount {
  return { packets: a.packets + b.packets, bytes: a.bytes + b.bytes }
}

function reasonFor(
  { atMs, scene }: SummaryInput,
  key: FlowKey,
  direction: Direction,
  rule: number | string | undefined,
): FlowReason {
  if (typeof rule === 'string') return { kind: 'kernel', word: rule }
  const reason = rule === undefined ? judgeFlow(scene, key, direction, atMs)?.reason : reasonOf(scene, rule, atMs)
  return reason === undefined ? { kind: 'kernel', word: 'unknown' } : recorded(reason)
}

function passedLine(input: SummaryInput, flow: FlowCount): Line {
  const { back, rule, sent, ...key } = flow
  const direction = directionOf(input.scene, key, input.atMs)
  return { key, direction, verdict: 'accept', reason: reasonFor(input, key, direction, rule), sent, back, flows: 1 }
}

/** Undefined where the table would let it pass: then it was on its way while the kernel was asked. */
function droppedLine(input: SummaryInput, { amount, rule, ...key }: ServiceCount): Line | undefined {
  const { atMs, scene } = input
  const direction = directionOf(scene, key, atMs)
  if (rule === undefined && judgeFlow(scene, key, direction, atMs)?.verdict === 'accept') return undefined
  const reason = reasonFor(input, key, direction, rule)
  return { key, direction, verdict: 'drop', reason, sent: amount, back: NOTHING, flows: 1 }
}

function joined(lines: readonly [Line, ...Line[]], key: FlowKey): Line {
  const [first] = lines
  return {
    ...first,
    key,
    sent: lines.map(({ sent }) => sent).reduce(sum),
    back: lines.map(({ back }) => back).reduce(sum),
    flows: lines.length,
  }
}

function serviceText({ direction, key, reason, verdict }: Line): string {
  const { destination, outside, protocol, source } = key
  const asked = outside === undefined ? '' : `${outside.address ?? ''} ${outside.service}`
  return [verdict, direction, source, destination, protocol, JSON.stringify(reason), asked].join(' ')
}

/** Lines that say the same but for ports, where they are many, as one. */
function folded(
  lines: readonly Line[],
  sameOf: (line: Line) => string,
  keyOf: (key: FlowKey) => FlowKey,
): readonly Line[] {
  return [...Map.groupBy(lines, sameOf).values()].flatMap((group) => {
    const [first] = group
    if (first === undefined || group.length <= flowsApartMax) return group
    return [joined(group as [Line, ...Line[]], keyOf(first.key))]
  })
}

function withoutSource({ destination, destinationPort, outside, protocol, source }: FlowKey): FlowKey {
  const key = { source, destination, protocol, destinationPort }
  if (outside === undefined) return key
  const { port: _port, ...asked } = outside
  return { ...key, outside: asked }
}

/** No port is 0 in a record: absent. */
function withoutPorts(key: FlowKey): FlowKey {
  return { ...withoutSource(key), destinationPort: 0 }
}

function remoteOf({ direction, key }: Line): Address {
  return direction === 'ingress' ? key.source : key.destination
}

function recordOf(line: Line, { scene, wayTo }: SummaryInput): FlowRecord {
  const { back, direction, flows, key, reason, sent, verdict } = line
  const { destination, destinationPort, outside, protocol, source, sourcePort } = key
  const node = scene.endpoints.get(remoteOf(line))?.node
  const way = node === undefined || node === '' ? undefined : wayTo(node)
  return {
    source,
    destination,
    protocol,
    ...(sourcePort === undefined || PORTLESS.has(protocol) ? {} : { sourcePort }),
    ...(destinationPort === 0 ? {} : { destinationPort }),
    direction,
    verdict,
    reason,
    sent,
    back,
    ...(flows === 1 ? {} : { flows }),
    ...(way === undefined || way.path === 'none' ? {} : { path: way.path }),
    ...(way?.via === undefined ? {} : { via: way.via }),
    ...(outside === undefined ? {} : { outside }),
  }
}

function endOf(scene: Scene, address: Address): FlowEnd {
  const endpoint = scene.endpoints.get(address)
  if (endpoint === undefined) return { address }
  const { labels, name, node } = endpoint
  return { address, name, ...(node === '' ? {} : { node }), labels }
}

function lineText(line: Line): string {
  return `${serviceText(line)} ${line.key.destinationPort} ${line.key.sourcePort ?? ''}`
}

function packetsOf({ back, sent }: Line): number {
  return sent.packets + back.packets
}

/** The same for the same input, in whatever order the kernel tells it. */
export function summarise(input: SummaryInput): Summary {
  const { deltas, scene } = input
  const ours = deltas.flows.filter(({ rule }) => rule === undefined || !OWN_WORDS.has(rule))
  const passed = ours.filter((flow) => isOfMesh(flow) && !isOfAgents(scene, flow))
  const dropped = deltas.dropped.filter(isOfMesh).flatMap((one) => droppedLine(input, one) ?? [])
  const lines = [
    ...folded(
      passed.map((flow) => passedLine(input, flow)),
      (line) => `${serviceText(line)} ${line.key.destinationPort}`,
      withoutSource,
    ),
    ...folded(dropped, serviceText, withoutPorts),
  ].map((line) => ({ line, packets: packetsOf(line), text: lineText(line) }))
  lines.sort((a, b) => b.packets - a.packets || compareText(a.text, b.text))
  const left = lines.slice(flowRecordsMax).map(({ line }) => line)
  const kept = lines
    .slice(0, flowRecordsMax)
    .sort((a, b) => compareText(a.text, b.text))
    .map(({ line }) => line)
  const addresses = [...new Set(kept.flatMap(({ key }) => [key.source, key.destination]))].sort(compareText)
  return {
    ends: addresses.map((address) => endOf(scene, address)),
    records: kept.map((line) => recordOf(line, input)),
    crowded: left.map(({ back, sent }) => sum(sent, back)).reduce(sum, NOTHING),
  }
}
