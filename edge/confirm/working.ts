// What works on this device: noted before a revision is applied, looked for again afterwards. Pure.

import * as v from 'valibot'
import { compareText } from '../../shared/bytes.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { text } from '../../shared/intent/field.ts'
import { confirmNotedMax } from '../../shared/limits.ts'
import type { Version } from '../../shared/record/head.ts'

const word = v.pipe(v.string(), v.maxLength(200))
const words = v.pipe(v.array(word), v.maxLength(confirmNotedMax))
const nodes = v.pipe(v.array(text(parseNodeId, 'node-id')), v.maxLength(confirmNotedMax))

export const workingSchema = v.strictObject({
  /** The broker answers. */
  hub: v.boolean(),
  /** The kernel took all of the revision. */
  kernel: v.boolean(),
  /** Default routes whose next hop answers, `eth0 192.168.1.1`. */
  gateways: words,
  /** Other hosts on the device's own links, `eth0 192.168.1.20`. */
  neighbours: words,
  /** Relays that hold a place for this node. */
  relays: nodes,
  /** Peers that payload flowed with, and whose agents answer. */
  peers: nodes,
  /** Of the probes that people name, those that answer. */
  probes: words,
})
export type Working = v.InferOutput<typeof workingSchema>

export interface Seen extends Working {
  /** What is followed, where the kernel was not brought to it yet: so far nobody knows whether it takes it. */
  readonly due?: Version | undefined
}

export const nothingWorks: Working = {
  hub: false,
  kernel: false,
  gateways: [],
  neighbours: [],
  relays: [],
  peers: [],
  probes: [],
}

/** The first of a list that may be long. */
export function bounded<T>(list: readonly T[]): T[] {
  return list.slice(0, confirmNotedMax)
}

function joined<T extends string>(a: readonly T[], b: readonly T[]): T[] {
  return bounded([...new Set([...a, ...b])].sort(compareText))
}

/** Whatever works in either. */
export function bothOf(a: Working, b: Working): Working {
  return {
    hub: a.hub || b.hub,
    kernel: a.kernel || b.kernel,
    gateways: joined(a.gateways, b.gateways),
    neighbours: joined(a.neighbours, b.neighbours),
    relays: joined(a.relays, b.relays),
    peers: joined(a.peers, b.peers),
    probes: joined(a.probes, b.probes),
  }
}
