// What happened between two looks at the kernel's counters. What is not there any more, and comes again, begins at zero: so a
// sum that is smaller than before has begun anew. One that began anew and is larger already is taken to have gone on, which
// may leave out what one silent flow moved before its timeout, and never counts a packet twice.

import type { Amount } from '../../shared/flows/batch.ts'
import type { FlowCount, FlowSnapshot, ServiceCount } from './counters.ts'

export interface Deltas {
  readonly flows: readonly FlowCount[]
  readonly dropped: readonly ServiceCount[]
  readonly unroomed: Amount
}

const NOTHING: Amount = { packets: 0, bytes: 0 }

function since(before: Amount | undefined, { bytes, packets }: Amount): Amount {
  if (before === undefined || packets < before.packets || bytes < before.bytes) return { packets, bytes }
  return { packets: packets - before.packets, bytes: bytes - before.bytes }
}

/** Never below nothing: what passes while the kernel lists its sets may be in one of them alone. */
function less(a: Amount, b: Amount): Amount {
  return { packets: Math.max(0, a.packets - b.packets), bytes: Math.max(0, a.bytes - b.bytes) }
}

function sum(a: Amount, b: Amount): Amount {
  return { packets: a.packets + b.packets, bytes: a.bytes + b.bytes }
}

function serviceKey(one: Omit<ServiceCount, 'amount'>): string {
  return `${one.source} ${one.destination} ${one.protocol} ${one.destinationPort} ${one.rule ?? ''}`
}

function isSame(a: Amount, b: Amount): boolean {
  return a.packets === b.packets && a.bytes === b.bytes
}

/** Most flows that a busy kernel remembers moved nothing since the last look, so that these cost a comparison each. */
function flowDeltas(before: FlowSnapshot | undefined, after: FlowSnapshot): readonly FlowCount[] {
  const deltas: FlowCount[] = []
  after.flows.forEach((flow, key) => {
    const last = before?.flows.get(key)
    // Opened anew by its other end it is another flow.
    if (last?.source !== flow.source || last.sourcePort !== flow.sourcePort) return void deltas.push(flow)
    if (isSame(flow.sent, last.sent) && isSame(flow.back, last.back)) return
    // Both ways begin anew together.
    const anew = flow.sent.packets < last.sent.packets || flow.back.packets < last.back.packets
    const [sent, back] = anew ? [flow.sent, flow.back] : [since(last.sent, flow.sent), since(last.back, flow.back)]
    if (sent.packets + back.packets > 0) deltas.push({ ...flow, sent, back })
  })
  return deltas
}

function serviceDeltas(before: FlowSnapshot | undefined, after: FlowSnapshot): readonly ServiceCount[] {
  const held = new Map(before?.services.all.map((one) => [serviceKey(one), one.amount]))
  return after.services.all.map((one) => ({ ...one, amount: since(held.get(serviceKey(one)), one.amount) }))
}

/** What was asked for, less what passed of it. */
function refused(asked: readonly ServiceCount[], flows: readonly FlowCount[]): readonly ServiceCount[] {
  const passed = new Map<string, Amount>()
  for (const flow of flows) {
    const key = serviceKey({ ...flow, rule: '' })
    passed.set(key, sum(passed.get(key) ?? NOTHING, flow.sent))
  }
  return asked.map((one) => ({ ...one, amount: less(one.amount, passed.get(serviceKey(one)) ?? NOTHING) }))
}

/** `before`: a look of the same epoch, or undefined where counting began after it. */
export function deltasOf(before: FlowSnapshot | undefined, after: FlowSnapshot): Deltas {
  const flows = flowDeltas(before, after)
  const services = serviceDeltas(before, after)
  const dropped = after.services.count === 'asked' ? refused(services, flows) : services
  return {
    flows,
    dropped: dropped.filter(({ amount }) => amount.packets > 0),
    unroomed: since(before?.unroomed, after.unroomed),
  }
}
