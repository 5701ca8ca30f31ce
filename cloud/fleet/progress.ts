// How far a revision has come among the devices of a network. Sorted once, so asking for many revisions stays cheap.

import type { Name } from '../../shared/ids.ts'
import { compareVersion, formatVersion, noVersion, type Version } from '../../shared/record/head.ts'

/** A device that is expected to run the network's intent; one that is offline counts, because it will one day. */
export interface Member {
  readonly name: Name
  readonly online: boolean
  readonly applied: Version
}

export interface Progress {
  readonly version: Version
  readonly members: number
  readonly acknowledged: number
  /** Online but not there yet. */
  readonly pending: readonly Name[]
  readonly offline: readonly Name[]
}

/** `newest` is what the hub has signed: a device that claims to run more has acknowledged nothing of ours. */
export function measure(members: readonly Member[], newest: Version): (version: Version) => Progress {
  const sorted = members
    .map((member) => (compareVersion(member.applied, newest) > 0 ? { ...member, applied: noVersion } : member))
    .sort((a, b) => compareVersion(a.applied, b.applied))
  const known = new Map<string, Progress>()
  return (version) => {
    const key = formatVersion(version)
    const held = known.get(key)
    if (held !== undefined) return held
    const pending: Name[] = []
    const offline: Name[] = []
    for (const { applied, name, online } of sorted) {
      if (compareVersion(applied, version) >= 0) break
      ;(online ? pending : offline).push(name)
    }
    const acknowledged = sorted.length - pending.length - offline.length
    const made = { version, members: sorted.length, acknowledged, pending: pending.sort(), offline: offline.sort() }
    known.set(key, made)
    return made
  }
}
