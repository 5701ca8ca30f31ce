// What must hold at every moment, and what must hold once the weather is fine again. A breach is a sentence.

import { type Enforcement, sameEnforcement } from '../../edge/plan/enforcement.ts'
import type { Op } from '../../edge/plan/op.ts'
import { toHex } from '../../shared/bytes.ts'
import type { Verify } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import type { WgKey } from '../../shared/ids.ts'
import { journalRowsMax, publishQueueMax } from '../../shared/limits.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { compareVersion, formatVersion, noVersion, openHead, type Version } from '../../shared/record/head.ts'
import { MerkleTree } from '../../shared/record/merkle.ts'
import { lagging, type Signatures, unsettled } from './goals.ts'
import { createRootChecks } from './root-checks.ts'
import type { Rulebook } from './rulebook.ts'
import type { SimHub } from './sim-hub.ts'
import type { SimNode } from './sim-node.ts'

/** Timers one agent may have waiting: its loops, a few requests and retries, whatever happens outside. */
const TIMERS_MAX = 128

/** The first try and the second, and one more for a disk that forgot them. */
const TAKEN_BACK_MAX = 3

/** Places in the history of what was signed. */
interface Stand {
  readonly good: number
  readonly held: number
  /** The one on trial; a canary may let others follow a newer one first. */
  readonly trial: number
}

export interface Checks {
  readonly breaches: readonly string[]
  /** A key that enrolled; only such may ever become a peer. */
  allowPeer(key: WgKey): void
  /** Somebody changed the node's kernel: what it does is not the agent's work until the agent repaired it. */
  excuse(node: SimNode): void
  /** The set on the node's disk goes bad: it is not the agent's work until the agent has written another. */
  damaged(node: SimNode): void
  /** After each operation on the kernel of a node. */
  kernelChanged(node: SimNode, op: Op): void
  /** After each step of the world. */
  afterStep(nodes: readonly SimNode[], inFlight: number): void
  /** With every machine and every tunnel healed, and no hub. */
  gossiped(nodes: readonly SimNode[]): void
  /** With everything healed and time to settle. */
  converged(nodes: readonly SimNode[], hub: Pick<SimHub, 'members' | 'newest' | 'root'>): Promise<void>
}

export interface ChecksOptions extends Signatures {
  readonly verify: Verify
  /** The policy that a revision prescribes for the node. */
  readonly rulebook: Rulebook
}

export function createChecks(options: ChecksOptions): Checks {
  const { verify } = options
  const breaches: string[] = []
  const allowed = new Set<WgKey>()
  const newest = new Map<SimNode, Version>()
  const excused = new Set<SimNode>()
  /** The version of the set that went bad on a disk. */
  const bad = new Map<SimNode, Version>()
  const newestGood = new Map<SimNode, Version>()
  const breach = (node: SimNode, words: string): void => {
    const sentence = `${node.device.name}: ${words}`
    if (!breaches.includes(sentence)) breaches.push(sentence)
  }

  const roots = createRootChecks({ history: options.history, breach })

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
    const signed = options.history.find(({ version }) => compareVersion(version, held.version) === 0)
    try {
      const trusted = trustedKeys(signed === undefined ? [] : [signed.signedBy], sha256)
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

  const indexOf = (version: Version): number =>
    options.history.findIndex((one) => compareVersion(one.version, version) === 0)

  /** The last good revision and the newest held, of an agent that runs; undefined where nothing is known of one. */
  const standOf = (node: SimNode): Stand | undefined => {
    const { held, lastGood, trial } = node.agent()?.status().revision ?? {}
    if (held === undefined || lastGood === undefined) return undefined
    const stand = { good: indexOf(lastGood), held: indexOf(held), trial: indexOf(trial?.version ?? held) }
    return stand.good < 0 || stand.held < 0 ? undefined : stand
  }

  /** A policy is that of the newest revision or of the last good one, whole: less than both of them is none of them. */
  const checkPolicy = (node: SimNode, policy: Enforcement): void => {
    const stand = standOf(node)
    if (stand === undefined) return breach(node, 'enforces a policy without holding a revision')
    const { good, held, trial } = stand
    if ([held, good, trial].some((followed) => sameEnforcement(policy, options.rulebook(node, followed, held)))) return
    const every = options.history.map((_, at) => at)
    const older = every.some((at) => sameEnforcement(policy, options.rulebook(node, at, at)))
    breach(node, `enforces a policy that ${older ? 'neither its newest nor its last good' : 'no'} revision prescribes`)
  }

  /** Silence removes nobody: who goes is missing in the newest revision, or in the last good one that is followed. */
  const checkRemoval = (node: SimNode, key: WgKey): void => {
    const stand = standOf(node)
    if (!allowed.has(key) || stand === undefined) return
    const rosters = [stand.good, stand.held, stand.trial].map((at) => options.members()[at])
    const both = rosters.every((keys) => keys?.has(key) === true && keys.has(node.device.wgKey))
    if (both) breach(node, 'removes a peer that both its newest and its last good revision contain')
  }

  /** Whoever the newest revision has removed is not let in again by a rollback. */
  const checkMembership = (node: SimNode, key: WgKey): void => {
    const stand = standOf(node)
    if (stand === undefined || !allowed.has(key)) return
    if (options.members()[stand.held]?.has(key) !== true) {
      breach(node, 'talks to a peer that the newest revision it holds has removed')
    }
  }

  /** What has proven itself only rises, and what has not is watched. */
  const checkProving = (node: SimNode): void => {
    const { applied, lastGood, quarantine, trial } = node.agent()?.status().revision ?? {}
    if (applied === undefined || lastGood === undefined) return
    // One that was taken back may still be in a kernel that refuses.
    if (compareVersion(applied, lastGood) > 0 && trial === undefined && quarantine === undefined) {
      breach(node, `runs revision ${formatVersion(applied)} unwatched`)
    }
    const stored = node.disk.loadGood()?.version ?? noVersion
    const before = newestGood.get(node) ?? noVersion
    if (compareVersion(stored, before) < 0) {
      breach(node, `went back from the last good revision ${formatVersion(before)} to ${formatVersion(stored)}`)
    }
    newestGood.set(node, stored)
    const taken = new Map<string, number>()
    for (const { detail, event } of node.disk.loadJournal(journalRowsMax)) {
      if (event === 'taken-back') taken.set(detail, (taken.get(detail) ?? 0) + 1)
    }
    for (const [detail, times] of taken) if (times > TAKEN_BACK_MAX) breach(node, `flaps: ${times} times ${detail}`)
  }

  return {
    breaches,
    allowPeer: (key) => void allowed.add(key),
    excuse: (node) => void excused.add(node),
    damaged: (node) => void bad.set(node, node.disk.loadSet()?.version ?? noVersion),
    kernelChanged(node, op) {
      if (op.op === 'peer-remove') checkRemoval(node, op.wgKey)
      if (op.op === 'peer-set') checkMembership(node, op.wgKey)
      const { device, link, policy } = node.kernel.observe()
      for (const peer of device?.peers ?? []) {
        if (!allowed.has(peer.wgKey)) breach(node, 'talks to a peer that nobody enrolled')
      }
      const open = link?.up === true && (device?.peers.length ?? 0) > 0 && policy === undefined
      if (open && !excused.has(node)) breach(node, 'has peers but no policy')
      if (op.op === 'policy-set') checkPolicy(node, op.policy)
      if (policy !== undefined) excused.delete(node)
    },
    afterStep(nodes, inFlight) {
      for (const node of nodes) {
        checkHeld(node)
        roots.afterStep(node)
        checkRunning(node)
        checkProving(node)
        const timers = node.clock().waiting()
        if (timers > TIMERS_MAX) breach(node, `has ${timers} timers waiting`)
        if (node.disk.loadJournal(journalRowsMax + 1).length > journalRowsMax) breach(node, 'keeps too long a journal')
        for (const failure of node.startFailures.splice(0)) breach(node, `did not start: ${failure}`)
      }
      const most = publishQueueMax * (nodes.length + 1)
      if (inFlight > most) breaches.push(`${inFlight} messages wait for the broker at once`)
    },
    gossiped(nodes) {
      for (const { node, words } of lagging(nodes, options)) breach(node, words)
    },
    async converged(nodes, hub) {
      for (const { node, words } of unsettled(nodes, hub)) breach(node, words)
      const members = hub.members()
      for (const node of nodes) {
        const agent = node.agent()
        if (agent === undefined || !members.has(node.device.name)) continue
        roots.converged(node, hub.root())
        const ops = await agent.plan()
        if (ops.length > 0) breach(node, `still wants to ${ops.map((op) => op.op).join(', ')}`)
      }
    },
  }
}
