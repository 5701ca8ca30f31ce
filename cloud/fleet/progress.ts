// How far a revision has come among the devices of a network. Sorted once, so asking for many revisions stays cheap.

import { compareText } from '../../shared/bytes.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import { compareVersion, formatVersion, noVersion, type Version } from '../../shared/record/head.ts'
import type { StatusReport } from '../../shared/wire/report.ts'
import type { TakenBack } from '../hub.ts'

/** A device that is expected to run the network's intent; one that is offline counts, because it will one day. */
export interface Member {
  readonly name: Name
  readonly nodeId: NodeId
  readonly held: Version
  readonly online: boolean
  readonly applied: Version
  /** The newest that has proven itself there. */
  readonly lastGood: Version
  readonly takenBack: TakenBack | undefined
  /** Its last one. */
  readonly report?: StatusReport | undefined
}

export interface Progress {
  readonly version: Version
  readonly members: number
  readonly acknowledged: number
  /** Online but not there yet. */
  readonly pending: readonly Name[]
  readonly offline: readonly Name[]
  /** Who holds it and lets others go first; by name. */
  readonly waiting: readonly Name[]
  readonly confirmed: number
  /** Who took it back, with why; by name. */
  readonly takenBack: readonly TakenBack[]
}

function provenUpTo({ applied, lastGood }: Pick<Member, 'applied' | 'lastGood'>): Version {
  return compareVersion(applied, lastGood) < 0 ? applied : lastGood
}

/** It runs what it may still take back: that version, or one since then. */
export function isOnTrial({ applied, lastGood }: Pick<Member, 'applied' | 'lastGood'>, version: Version): boolean {
  return compareVersion(applied, version) >= 0 && compareVersion(lastGood, version) < 0
}

/** How many of `sorted` come before `version`. */
function countBelow(sorted: readonly Version[], version: Version): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const one = sorted[middle]
    if (one !== undefined && compareVersion(one, version) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * `newest` is what the hub has signed: a device that claims to run more has acknowledged nothing of ours. `waits`: a canary
 * lets others go first.
 */
export function measure(
  members: readonly Member[],
  newest: Version,
  waits: (node: NodeId) => boolean,
): (version: Version) => Progress {
  // By name first: lists of those that run the same are then sorted already, however many versions are asked about.
  const sorted = members
    .map((member) => (compareVersion(member.applied, newest) > 0 ? { ...member, applied: noVersion } : member))
    .sort((a, b) => compareText(a.name, b.name))
    .sort((a, b) => compareVersion(a.applied, b.applied))
  const proven = sorted.map(provenUpTo).sort(compareVersion)
  const known = new Map<string, Progress>()
  return (version) => {
    const key = formatVersion(version)
    const held = known.get(key)
    if (held !== undefined) return held
    const pending: Name[] = []
    const offline: Name[] = []
    const takenBack: TakenBack[] = []
    const waiting: Name[] = []
    for (const { applied, held: holds, name, nodeId, online, takenBack: taken } of sorted) {
      if (compareVersion(applied, version) >= 0) break
      if (taken !== undefined && compareVersion(taken.version, version) >= 0) takenBack.push(taken)
      else if (waits(nodeId) && compareVersion(holds, version) >= 0) waiting.push(name)
      else (online ? pending : offline).push(name)
    }
    const made = {
      version,
      members: sorted.length,
      acknowledged: sorted.length - pending.length - offline.length - takenBack.length - waiting.length,
      waiting: waiting.sort(),
      pending: pending.sort(),
      offline: offline.sort(),
      confirmed: proven.length - countBelow(proven, version),
      takenBack: takenBack.sort((a, b) => compareText(a.name, b.name)),
    }
    known.set(key, made)
    return made
  }
}
