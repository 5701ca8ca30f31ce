// What the texts of WireGuard mean, remembered: a turn reads the same thousand keys, blocks and endpoints as the one before,
// and parsing them anew would be most of its work.

import { type Cidr, parseCidr, sortCidrs } from '../../shared/address/cidr.ts'
import { parseWgKey, type WgKey } from '../../shared/ids.ts'
import { endpointOrNone } from './wireguard.ts'

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

export function createWireguardTexts(): WireguardTexts {
  return { key: remembered(parseWgKey), blocks: remembered(parseBlocks), endpoint: remembered(endpointOrNone) }
}
