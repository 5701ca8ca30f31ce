// Health conditions: what people are told. Typed, so that a condition always comes with a title and a remedy.

import * as v from 'valibot'
import { integer } from './intent/field.ts'
import { healthMax } from './limits.ts'
import { tolerantList } from './wire/tolerant.ts'

export type Severity = 'info' | 'warning' | 'critical'

interface Meaning {
  readonly severity: Severity
  readonly title: string
  readonly remedy: string
}

/** Every condition a node can report. Codes are stable. */
export const healthMeanings = {
  'hub-unreachable': {
    severity: 'warning',
    title: 'The hub is not reachable; the node works from its cache',
    remedy: 'Nothing breaks meanwhile. Check the uplink, then the hub with `holdfast-hub status`.',
  },
  'hub-untrusted': {
    severity: 'critical',
    title: 'Whoever answers at the hub’s address could not prove to be the hub',
    remedy:
      'Check for a proxy or a wrong address. A hub that was restored with its root key is trusted by itself; with another, join again.',
  },
  'hub-refused': {
    severity: 'critical',
    title: 'The hub’s broker refuses this node’s credentials',
    remedy:
      'Asked by itself, the hub gives a member new ones. If this stays, the node was removed or disabled: `holdfast-hub get nodes`.',
  },
  'hub-certificate-expired': {
    severity: 'warning',
    title: 'The hub’s certificate is past its date',
    remedy: 'Restart the hub: it renews its certificate at start. The link stays up.',
  },
  'intent-rejected': {
    severity: 'critical',
    title: 'Signed intent was offered that does not verify; the last good one stays in force',
    remedy: 'See the details. A lower revision after a restore needs `holdfast-hub restore`, which starts a new epoch.',
  },
  'intent-unreadable': {
    severity: 'critical',
    title: 'The hub signs intent that this agent is too old to understand; the last it understands stays in force',
    remedy:
      'Update the agent on this node: the newer intent is kept and comes into force then. Removed nodes stay removed.',
  },
  'revision-quarantined': {
    severity: 'critical',
    title: 'A revision broke what worked before; the last good one is followed instead',
    remedy:
      'Mend the intent at the hub: a newer revision is tried by itself. To try this one once more: `holdfast retry`. Removed nodes stay removed.',
  },
  'update-taken-back': {
    severity: 'critical',
    title: 'An update of this agent broke what worked before; the version before it runs instead',
    remedy:
      'Nothing is lost: see `holdfast update --status` for what failed, and bring a build that mends it. To try the same file again: `holdfast update FILE --force`.',
  },
  'members-unsigned': {
    severity: 'critical',
    title: 'The hub names members whom the membership lock does not admit; they are left out',
    remedy:
      'If you added them: `holdfast-hub lock sign`. If nobody did, somebody else controls the hub: see its audit log.',
  },
  'lock-refused': {
    severity: 'critical',
    title: 'The hub shows another membership lock than the one this node trusts; that one stays in force',
    remedy:
      'Ask whoever holds the lock’s keys. Where they were lost and the lock was made anew: `holdfast lock trust FILE` here.',
  },
  'device-key-forked': {
    severity: 'critical',
    title: 'Two device keys are named to follow one; the first that was heard of counts until the hub decides',
    remedy:
      'Somebody else has the former key of that device. Remove the node at the hub, then `holdfast leave --purge` on the device and join it again.',
  },
  'not-a-member': {
    severity: 'critical',
    title: 'The network’s newest intent does not contain this node',
    remedy: 'The node was removed or disabled at the hub. Approve or enable it there, or run `holdfast leave`.',
  },
  'apply-failed': {
    severity: 'critical',
    title: 'The kernel refused part of the plan; the rest is in force',
    remedy: 'See the details and `holdfast doctor`. The agent tries again by itself.',
  },
  'no-wireguard': {
    severity: 'critical',
    title: 'This host has no WireGuard',
    remedy: 'Install a kernel with WireGuard, or the program wireguard-go.',
  },
  'port-taken': {
    severity: 'warning',
    title: 'Another program has the UDP port for WireGuard; this node listens on another one and keeps it',
    remedy:
      'Peers learn it by themselves. Where a firewall or a port forwarding names the port, choose a free one: listenPort.',
  },
  'names-not-wired': {
    severity: 'warning',
    title: 'Programs of this host do not find names of the mesh: its resolver could not be told of the agent',
    remedy:
      'See the details; all other names are found as ever. The agent tries again by itself; it leaves off with dns: off.',
  },
  'relay-closed': {
    severity: 'warning',
    title: 'This node should relay for others, and its relay does not open',
    remedy: 'See the details. Free the relay’s UDP port, or choose another in the node’s spec: relay.port.',
  },
  'relay-tls-closed': {
    severity: 'warning',
    title: 'This node should relay by TLS for others, and its port does not open',
    remedy: 'See the details. Free the TCP port, or choose another in the node’s spec: relay.tlsPort.',
  },
  'database-rebuilt': {
    severity: 'warning',
    title: 'The state database was damaged and has been set aside',
    remedy: 'The cache is filled again from the hub. Check the disk: `dmesg`, `df`, SMART or the age of the SD card.',
  },
  'disk-full': {
    severity: 'warning',
    title: 'The disk does not take writes; the network goes on from memory',
    remedy: 'Free some space where the state directory lies. Until then a reboot starts from older state.',
  },
  'flow-ledger-broken': {
    severity: 'warning',
    title: 'The record of flows was not whole: batches are missing, or were changed',
    remedy:
      'A damaged file lies beside the new one, under the name given here. A worn disk does this, or somebody with root: `holdfast flows --verify` looks at the present one.',
  },
  'flow-ledger-cut': {
    severity: 'critical',
    title: 'The record of flows of this node is shorter than it was; the hub takes no more of it',
    remedy:
      'What the hub has stays. A disk image that was put back does this, or somebody with root who cut the record. Once you know: `holdfast-hub flows accept NODE` begins anew with what the node has.',
  },
  'flow-ledger-forked': {
    severity: 'critical',
    title: 'The record of flows of this node is not the one that the hub knows; the hub takes no more of it',
    remedy:
      'What the hub has stays. Somebody wrote the past anew, or two devices share one identity. Once you know: `holdfast-hub flows accept NODE` begins anew with what the node has.',
  },
  'flow-ledger-edited': {
    severity: 'critical',
    title: 'A batch of flows of this node was changed; the hub takes none from there on',
    remedy:
      '`holdfast flows --verify` on the node shows whether it was changed there or on its way. Look who has root there. Once you know: restart the agent, which sets a broken record aside, or `holdfast-hub flows accept NODE`.',
  },
  'flow-store-failed': {
    severity: 'warning',
    title: 'The hub cannot store flows; they wait on the node',
    remedy: 'Free some space where the hub’s data directory lies, and look at its log. Nothing else waits for it.',
  },
  'clock-raised': {
    severity: 'info',
    title: 'The clock was behind the last known time and has been raised',
    remedy: 'Let the device reach a time server, or fit a clock battery.',
  },
  'clock-behind': {
    severity: 'warning',
    title: 'The clock is behind the last known time and may not be raised here',
    remedy: 'Set the clock. Peers refuse WireGuard handshakes whose time went backwards.',
  },
  'address-conflict': {
    severity: 'critical',
    title: 'A mesh or routed network overlaps one that this host is attached to',
    remedy: 'The local network wins. Choose another block for the Network or the Route, or use nat: netmap.',
  },
  'address-overlap': {
    severity: 'info',
    title: 'A mesh or routed network holds one that this host is attached to',
    remedy: 'The local network keeps its addresses. Where others behind the mesh have the same, use nat: netmap.',
  },
  'intent-unsupported': {
    severity: 'warning',
    title: 'Part of the intent is beyond what this agent can enforce; nothing was opened because of it',
    remedy: 'See the details. Update the agent, or change the intent.',
  },
  'not-published': {
    severity: 'warning',
    title: 'A service that this node shall publish is not, at a port that somebody else has',
    remedy: 'See the details. Publish it at another port, or stop what has this one.',
  },
  'exit-not-taken': {
    severity: 'warning',
    title:
      'An Exit selects this node, which others go out by: it goes out by its own uplink, so that nothing goes round',
    remedy: 'Take the node out of `nodes` of the Exit, or out of `via` of all of them.',
  },
  'exit-closed': {
    severity: 'critical',
    title: 'No node answers that leads this one to the internet, and it is not to go there by itself',
    remedy: 'Mesh, hub and LAN are reached as ever. Look after those nodes, or give the Exit more of them.',
  },
  'exit-open': {
    severity: 'critical',
    title:
      'No node answers that leads this one to the internet: it goes there by its own uplink meanwhile, as intent says',
    remedy: 'Look after those nodes, or give the Exit more of them.',
  },
  'report-rejected': {
    severity: 'warning',
    title: 'The hub refused something this node said',
    remedy:
      'See the details. A wrong signature may mean that two devices share one identity: let one of them join again.',
  },
  'report-unread': {
    severity: 'info',
    title: 'This node says more than its hub understands',
    remedy: 'Update the hub. The rest of what the node says counts as ever.',
  },
  'policy-override': {
    severity: 'warning',
    title: 'The policy of this node is overridden by hand',
    remedy:
      'It ends by itself. See `holdfast policy overrides`; end it with `holdfast policy restore`, or at the hub: `holdfast-hub overrides list`.',
  },
  'traffic-mirrored': {
    severity: 'warning',
    title: 'Traffic of the mesh is copied, decrypted, to an interface of this host',
    remedy: 'It ends by itself. See `holdfast mirror status`; end it with `holdfast mirror stop`.',
  },
  'peer-unreachable': {
    severity: 'warning',
    title: 'A peer does not answer',
    remedy:
      '`holdfast explain NODE` says why. Ends behind strict NATs need a node between them that relays and that both reach.',
  },
  'route-unproven': {
    severity: 'warning',
    title: 'No router to a subnet proves that it forwards; the best of those that answer is used',
    remedy:
      'See the details: the machine that is asked (spec.probe) may be off or answer no pings, policy may refuse pings of the routers, or none of them forwards. Where nat is not masquerade, the answer has to come back by the router that was asked.',
  },
  'uplink-silent': {
    severity: 'warning',
    title: 'An uplink that this host prefers lets nothing through; the mesh goes by another one',
    remedy:
      'Check its cable, its router and its provider; the host’s other traffic still goes there. The mesh returns by itself.',
  },
  'kubernetes-unread': {
    severity: 'warning',
    title: 'The API server of the cluster behind this node is not read; the pods that were known last hold',
    remedy: 'See the details, and `holdfast status`. Traffic goes on; pods that are new since are not known to policy.',
  },
  'forwarding-off': {
    severity: 'warning',
    title: 'This node is a router but the host does not forward packets',
    remedy: 'Allow net.ipv4.ip_forward and net.ipv6.conf.all.forwarding, or run the agent with leave to set them.',
  },
} as const satisfies Record<string, Meaning>

export type HealthCode = keyof typeof healthMeanings

export interface Condition {
  readonly code: HealthCode
  /** When it began, milliseconds since the Unix epoch. */
  readonly since: number
  /** The particular case, in a sentence; no secrets. */
  readonly detail?: string | undefined
}

/** A condition as it is shown: with its meaning spelled out. */
export interface ShownCondition extends Condition, Meaning {}

export function showCondition(condition: Condition): ShownCondition {
  return { ...condition, ...healthMeanings[condition.code] }
}

const codes = Object.keys(healthMeanings) as readonly HealthCode[]

const conditionSchema = v.object({
  code: v.picklist(codes),
  since: integer(0, Number.MAX_SAFE_INTEGER),
  detail: v.optional(v.pipe(v.string(), v.maxLength(500))),
})

/** As a device reports them; what only newer devices know is passed over. */
export const conditionsSchema = tolerantList(conditionSchema, 'code', codes, healthMax)
