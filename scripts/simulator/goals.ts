// What all machines come to by themselves once the weather is fine, and who is not there yet: waited for, and judged at the end.

import type { WgKey } from '../../shared/ids.ts'
import { compareVersion, formatVersion, noVersion, type Version } from '../../shared/record/head.ts'
import type { Signed, SimHub } from './sim-hub.ts'
import type { SimNode } from './sim-node.ts'

/** A node that is not there yet, and what it lacks. */
export interface Lack {
  readonly node: SimNode
  readonly words: string
}

export interface Signatures {
  /** Every set that was signed. */
  readonly history: readonly Signed[]
  /** Keys of the nodes that each of them contains. */
  readonly members: () => readonly ReadonlySet<WgKey>[]
}

function heldBy(node: SimNode): Version {
  return node.agent()?.status().revision.held ?? noVersion
}

function followedBy(node: SimNode): Version {
  return node.agent()?.status().revision.applied ?? noVersion
}

/** Whom nobody ever told where the other is, and a broker without its memory can't, can't speak with it. */
function hasWay(node: SimNode, other: SimNode): boolean {
  const peers = node.agent()?.status().peers
  return peers?.some(({ endpoint, name }) => name === other.device.name && endpoint !== undefined) === true
}

/** Without a hub: whoever holds less than another it can speak with. */
export function lagging(nodes: readonly SimNode[], { history, members }: Signatures): readonly Lack[] {
  const rosters = members()
  const knowEachOther = (version: Version, one: SimNode, other: SimNode): boolean => {
    const keys = rosters[history.findIndex((signed) => compareVersion(signed.version, version) === 0)]
    return keys?.has(one.device.wgKey) === true && keys.has(other.device.wgKey)
  }
  const lack = (node: SimNode, other: SimNode): readonly Lack[] => {
    const [held, more] = [heldBy(node), heldBy(other)]
    if (compareVersion(held, more) >= 0 || !(hasWay(node, other) || hasWay(other, node))) return []
    // Each speaks with whom both what it holds and what it follows contain; the two differ while a revision is in quarantine.
    const said = [held, more, followedBy(node), followedBy(other)]
    if (!said.every((version) => knowEachOther(version, node, other))) return []
    return [{ node, words: `holds ${formatVersion(held)}, though ${other.device.name} has ${formatVersion(more)}` }]
  }
  return nodes.flatMap((node) => nodes.flatMap((other) => lack(node, other)))
}

/** With a hub: whoever of its members does not hold its newest revision. A machine that is down waits for nothing. */
export function uninformed(nodes: readonly SimNode[], hub: Pick<SimHub, 'members' | 'newest'>): readonly Lack[] {
  const [members, newest] = [hub.members(), hub.newest()]
  return nodes
    .filter((node) => node.agent() !== undefined && members.has(node.device.name))
    .filter((node) => compareVersion(heldBy(node), newest) !== 0)
    .map((node) => ({ node, words: `holds ${formatVersion(heldBy(node))} instead of ${formatVersion(newest)}` }))
}

/** In the end: whoever does not run, and of the members whoever has not taken, applied and confirmed the newest revision. */
export function unsettled(nodes: readonly SimNode[], hub: Pick<SimHub, 'members' | 'newest'>): readonly Lack[] {
  const [members, newest] = [hub.members(), hub.newest()]
  const wanted = formatVersion(newest)
  const lacks = (node: SimNode): readonly string[] => {
    const revision = node.agent()?.status().revision
    if (revision === undefined) return ['is not running at the end']
    if (!members.has(node.device.name)) return []
    const { applied, lastGood } = revision
    return [
      ...(compareVersion(applied, newest) === 0 ? [] : [`applied ${formatVersion(applied)} instead of ${wanted}`]),
      ...(compareVersion(lastGood, newest) === 0 ? [] : [`has not confirmed ${wanted}`]),
    ]
  }
  return [...uninformed(nodes, hub), ...nodes.flatMap((node) => lacks(node).map((words) => ({ node, words })))]
}
