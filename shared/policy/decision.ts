// What policy says of the first packet of a flow, and why. Oracle and compiled table answer in these words, so that they can
// be compared, and a person reads the same reason from both.

import type { PolicySpec } from '../intent/policy.ts'

export type Direction = 'ingress' | 'egress'
/** `other`: whatever has no ports that a rule could name, like GRE; only rules that name no port at all speak of it. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP' | 'ICMP' | 'other'

export type Reason =
  | {
      readonly kind: 'rule'
      readonly policy: string
      readonly tier: PolicySpec['tier']
      readonly direction: Direction
      /** Position in the policy's list, from 0. */
      readonly index: number
      readonly name?: string
      /** It names a kind of peer that is unknown here, and is read so that nothing opens. */
      readonly unread?: true
    }
  /** These Standard policies speak of the subject, and none of their rules accepts. */
  | { readonly kind: 'isolated'; readonly direction: Direction; readonly policies: readonly string[] }
  /** No policy decides: the network's `defaultPolicy` for ingress, open for egress. */
  | { readonly kind: 'default'; readonly direction: Direction }

export interface Judgement {
  readonly verdict: 'accept' | 'drop'
  readonly reason: Reason
}

export interface Decision extends Judgement {
  /** What it would be if policies in Audit mode were enforced, where the verdict differs. */
  readonly audit?: Judgement
}

function textOf(reason: Reason): string {
  switch (reason.kind) {
    case 'rule':
      return `${reason.direction} ${reason.tier} ${reason.policy} ${reason.index}`
    case 'isolated':
      return `${reason.direction} isolated ${reason.policies.join(' ')}`
    case 'default':
      return `${reason.direction} default`
  }
}

/** A table has tens of thousands of entries, and some hundred reasons. */
const keys = new WeakMap<Reason, string>()

/** One text for one reason, in an order that groups directions and policies. */
export function reasonKey(reason: Reason): string {
  const held = keys.get(reason)
  if (held !== undefined) return held
  const text = textOf(reason)
  keys.set(reason, text)
  return text
}
