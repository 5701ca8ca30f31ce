// What the texts of WireGuard mean, remembered: a turn reads the same thousand keys, blocks and endpoints as the one before,
// and parsing them anew would be most of its work.

import { type Cidr, parseCidr, sortCidrs } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { parseWgKey, type WgKey } from '../../shared/ids.ts'
import type { ObservedPeer } from '../plan/observed.ts'
import { endpointOrNone } from './wireguard.ts'

/** What one reading says of peers, one text each; a peer whose text is that of the last reading is the same object. */
export type PeerTexts = (texts: readonly string[]) => readonly ObservedPeer[]

export interface WireguardTexts {
  readonly key: (base64: string) => WgKey
  /** Blocks between commas, sorted; none for an empty text. */
  readonly blocks: (text: string) => readonly Cidr[]
  readonly endpoint: (text: string) => ReturnType<typeof endpointOrNone>
}

/** Of each kind; more than the peers of any network, so that only what is long gone makes it start anew. */
const REMEMBERED_MAX = 20_000

function remembered<T>(parse: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const held = known.get(text)
    if (held !== undefined) return held
    const value = parse(text)
    if (known.size >= REMEMBERED_MAX) known.clear()
    known.set(text, value)
    return value
  }
}

function parseBlocks(text: string): readonly Cidr[] {
  return text === '' ? [] : sortCidrs(text.split(',').map(parseCidr))
}

/** For what never changes in all its life but once or twice, and must not be remembered longer: the device's own key. */
export function remembersLast<T>(parse: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly value: T } | undefined
  return (text) => {
    if (last?.text !== text) last = { text, value: parse(text) }
    return last.value
  }
}

/** Peers, sorted by key. Of a network at rest nothing is parsed at all: no counter moves. */
export function createPeerTexts(parse: (text: string) => ObservedPeer): PeerTexts {
  let last: ReadonlyMap<string, ObservedPeer> = new Map()
  return (texts) => {
    const read = new Map(texts.map((text) => [text, last.get(text) ?? parse(text)]))
    last = read
    return [...read.values()].sort((a, b) => compareText(a.wgKey, b.wgKey))
  }
}

export function createWireguardTexts(): WireguardTexts {
  return { key: remembered(parseWgKey), blocks: remembered(parseBlocks), endpoint: remembered(endpointOrNone) }
}
