// What must hold at every moment, and what must hold once the weather is fine again. A breach is a sentence.

import type { Op } from '../../edge/plan/op.ts'
import { fromBase64, toHex } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { WgKey } from '../../shared/ids.ts'
import { journalRowsMax, publishQueueMax } from '../../shared/limits.ts'
import { compareVersion, formatVersion, noVersion, openHead, type Version } from '../../shared/record/head.ts'
import { keyring } from '../../shared/record/keys.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import type { Signed } from './sim-hub.ts'
import type { SimNode } from './sim-node.ts'

/** Timers one agent may have waiting: its loops, a few requests and retries, whatever happens outside. */
const TIMERS_MAX = 128

export interface Checks {
  readonly breaches: readonly string[]
  /** A key that enrolled; only such may ever become a peer. */
  allowPeer(key: WgKey): void
  /** Somebody changed the node's kernel: what it does is not the agent's work until the agent repaired it. */
  excuse(node: SimNode): void
  /** The set on the node's disk goes bad: it is not the agent's work until the agent has written another. */
  damaged(node: SimNode): void
  /**
   * An agent starts: it knows what its disk holds. Only while the disk took no writes is that older than what it enforced
   * before, and then the older policy is the best it has.
   */
  starting(node: SimNode): void
  /** After each operation on the kernel of a node. */
  kernelChanged(node: SimNode, op: Op): void
  /** After each step of the world. */
  afterStep(nodes: readonly SimNode[], inFlight: number): void
  /** With every machine and every tunnel healed, and no hub. */
  gossiped(nodes: readonly SimNode[]): void
  /** With everything healed and time to settle. */
  converged(nodes: readonly SimNode[], newest: Version, members: ReadonlySet<string>): Promise<void>
}

export interface ChecksOptions {
  /** The policy texts that the hub's revisions prescribe for the node, in the order of the revisions. */
  readonly rulesets: (node: SimNode) => readonly string[]
  readonly history: readonly Signed[]
  /** Keys of the nodes that each of these revisions contains. */
  readonly members: () => readonly ReadonlySet<WgKey>[]
}

export function createChecks(options: ChecksOptions): Checks {
  const breaches: string[] = []
  const allowed = new Set<WgKey>()
  const newest = new Map<SimNode, Version>()
  const excused = new Set<SimNode>()
  /** The version of the set that went bad on a disk. */
  const bad = new Map<SimNode, Version>()
  /** Index of the revision whose policy each node enforces, at least. */
  const enforced = new Map<SimNode, number>()
  const breach = (node: SimNode, words: string): void => {
    const sentence = `${node.device.name}: ${words}`
    if (!breaches.includes(sentence)) breaches.push(sentence)
  }

  /** The set on disk is one the hub signed, and is never older than one that was there before. */
  const checkHeld = (node: SimNode): void => {
    const held = node.disk.loadSet()
    if (held === undefined) return
    const before = newest.get(node) ?? noVersion
    if (compareVersion(held.version, before) < 0) {
      breach(node, `went back from revision ${formatVersion(before)} to ${formatVersion(held.version)}`)
    }
    if (compareVersion(held.version, before) === 0) return
    newest.set(node, held.version)
    if (compareVersion(held.version, bad.get(node) ?? noVersion) === 0) return
    const { anchor, keys } = node.identity
    try {
      const trusted = keyring(keys.map(fromBase64), fromBase64(anchor.rootKey), verify, sha256)
      const head = openHead(held.head, trusted, verify)
      const tree = new MerkleTree(sha256)
      for (const [id, bytes] of held.records) tree.put(id, sha256(bytes))
      if (toHex(tree.root()) !== head.root) breach(node, 'keeps a set that its head does not vouch for')
      if (compareVersion(head, held.version) !== 0) breach(node, 'keeps a head under another version than it states')
    } catch (error) {
      breach(node, `keeps a head that does not verify (${isHoldfastError(error) ? error.code : String(error)})`)
    }
  }

  /** A running agent goes on from what its disk has, never from less. */
  const checkRunning = (node: SimNode): void => {
    const disk = node.disk.loadSet()?.version ?? noVersion
    const held = node.agent()?.status().revision.held ?? disk
    if (compareVersion(held, disk) >= 0 || compareVersion(disk, bad.get(node) ?? noVersion) === 0) return
    breach(node, `runs on revision ${formatVersion(held)}, while its disk has ${formatVersion(disk)}`)
  }

  /** A policy is that of one revision, whole, and never of an older one than the policy before it. */
  const checkRuleset = (node: SimNode, ruleset: string): void => {
    const texts = options.rulesets(node)
    const since = enforced.get(node) ?? 0
    const at = texts.indexOf(ruleset, since)
    if (at >= 0) enforced.set(node, at)
    else if (texts.includes(ruleset)) breach(node, 'went back to the policy of an older revision')
    else breach(node, 'enforces a policy that no revision prescribes')
  }

  /** Silence removes nobody: who goes is missing in some revision that the node may have come to. */
  const checkRemoval = (node: SimNode, key: WgKey): void => {
    if (!allowed.has(key)) return
    const revisions = options.members().slice(enforced.get(node) ?? 0)
    const every = revisions.length > 0 && revisions.every((keys) => keys.has(key) && keys.has(node.device.wgKey))
    if (every) breach(node, 'removes a peer that every revision contains')
  }

  return {
    breaches,
    allowPeer: (key) => void allowed.add(key),
    excuse: (node) => void excused.add(node),
    damaged: (node) => void bad.set(node, node.disk.loadSet()?.version ?? noVersion),
    starting(node) {
      const held = node.disk.loadSet()?.version ?? noVersion
      const at = options.history.findIndex(({ version }) => compareVersion(version, held) === 0)
      enforced.set(node, Math.min(enforced.get(node) ?? 0, Math.max(0, at)))
    },
    kernelChanged(node, op) {
      if (op.op === 'peer-remove') checkRemoval(node, op.wgKey)
      const { device, link, ruleset } = node.kernel.observe()
      for (const peer of device?.peers ?? []) {
        if (!allowed.has(peer.wgKey)) breach(node, 'talks to a peer that nobody enrolled')
      }
      const open = link?.up === true && (device?.peers.length ?? 0) > 0 && ruleset === undefined
      if (open && !excused.has(node)) breach(node, 'has peers but no policy')
      if (ruleset !== undefined) checkRuleset(node, ruleset)
      if (ruleset !== undefined) excused.delete(node)
    },
    afterStep(nodes, inFlight) {
      for (const node of nodes) {
        checkHeld(node)
        checkRunning(node)
        const timers = node.clock().waiting()
        if (timers > TIMERS_MAX) breach(node, `has ${timers} timers waiting`)
        if (node.disk.loadJournal(journalRowsMax + 1).length > journalRowsMax) breach(node, 'keeps too long a journal')
        for (const failure of node.startFailures.splice(0)) breach(node, `did not start: ${failure}`)
      }
      const most = publishQueueMax * (nodes.length + 1)
      if (inFlight > most) breaches.push(`${inFlight} messages wait for the broker at once`)
    },
    gossiped(nodes) {
      const heldBy = (node: SimNode): Version => node.agent()?.status().revision.held ?? noVersion
      const members = options.members()
      for (const node of nodes) {
        for (const other of nodes) {
          // What the other follows says whom it speaks with; and whoever holds less has to know the other, too.
          const [held, more] = [heldBy(node), heldBy(other)]
          if (compareVersion(held, more) >= 0) continue
          const both = [held, more].every((version) => {
            const at = options.history.findIndex((one) => compareVersion(one.version, version) === 0)
            const keys = members[at]
            return keys !== undefined && keys.has(node.device.wgKey) && keys.has(other.device.wgKey)
          })
          if (both) {
            breach(node, `holds ${formatVersion(held)}, though ${other.device.name} has ${formatVersion(more)}`)
          }
        }
      }
    },
    async converged(nodes, version, members) {
      for (const node of nodes) {
        const agent = node.agent()
        if (agent === undefined) {
          breach(node, 'is not running at the end')
          continue
        }
        const { revision } = agent.status()
        if (!members.has(node.device.name)) continue
        if (compareVersion(revision.held, version) !== 0) {
          breach(node, `holds ${formatVersion(revision.held)} instead of ${formatVersion(version)}`)
        }
        if (compareVersion(revision.applied, version) !== 0) {
          breach(node, `applied ${formatVersion(revision.applied)} instead of ${formatVersion(version)}`)
        }
        const ops = await agent.plan()
        if (ops.length > 0) breach(node, `still wants to ${ops.map((op) => op.op).join(', ')}`)
      }
    },
  }
}
