// What peers said of themselves, gathered: the newest revision that any of them told of, and who hears the hub. Their word, not
// proven: it tells people what to expect and decides nothing. Pure.

import { compareText } from '../../shared/bytes.ts'
import type { NodeId } from '../../shared/ids.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import type { Known } from './acquaintance.ts'

export interface Hearsay {
  readonly newest: { readonly node: NodeId; readonly version: Version; readonly agoMs: number } | undefined
  /** Who said lately that it hears the hub, the freshest word first. */
  readonly hubBy: readonly { readonly node: NodeId; readonly agoMs: number }[]
}

/** @testonly */
export const noHearsay: Hearsay = { newest: undefined, hubBy: [] }

/** Peers compare each minute, metered ones each quarter of an hour: what was not said again since then may be over. */
const LATELY_MS = 20 * 60_000
/** One is enough to bring what the hub says; people look at a few. */
const HUB_BY_MAX = 3

export function hearsayOf(known: ReadonlyMap<NodeId, Pick<Known, 'state' | 'heardAt'>>, now: number): Hearsay {
  let newest: Hearsay['newest']
  const hubBy: { readonly node: NodeId; readonly agoMs: number }[] = []
  for (const [node, { heardAt, state }] of known) {
    if (state === undefined) continue
    const agoMs = Math.max(0, now - heardAt)
    const order = newest === undefined ? 1 : compareVersion(state.version, newest.version)
    if (order > 0 || (order === 0 && agoMs < (newest?.agoMs ?? 0))) newest = { node, version: state.version, agoMs }
    if (state.online && agoMs <= LATELY_MS) hubBy.push({ node, agoMs })
  }
  hubBy.sort((a, b) => a.agoMs - b.agoMs || compareText(a.node, b.node))
  return { newest, hubBy: hubBy.slice(0, HUB_BY_MAX) }
}
