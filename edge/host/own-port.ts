// Which UDP port a node listens at where none is configured. Two devices behind one router must not share a port: a router
// that keeps ports can do so for one of them only, and gives the other another mapping for every destination.

import { fromUtf8 } from '../../shared/bytes.ts'
import type { Name, NodeId } from '../../shared/ids.ts'
import type { Identity } from '../identity.ts'
import type { Store } from '../store/store.ts'

/** WireGuard's usual port. Whom others are told to find at a public endpoint listens there: ports are forwarded to it. */
export const publicPort = 51_820
/** The others have one of 2,048 even ports, 51840 to 55934, by their id; the one above each is the path engine's. */
const FIRST = 51_840
const COUNT = 2_048

const KEY = 'public-endpoint'

/** The same at every start, and next to none of `avoid`. */
function ownPort(node: NodeId, avoid: readonly number[]): number {
  let at = Array.from(node).reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7) % COUNT
  const port = (): number => FIRST + 2 * at
  while (avoid.includes(port()) || avoid.includes(port() + 1)) at = (at + 1) % COUNT
  return port()
}

/** Whether the node's record named a public endpoint when it was seen last. */
export function isPublic(name: Name, store: Pick<Store, 'get' | 'loadSet'>): boolean {
  const told = store.get(KEY)
  if (told !== undefined) return told === 'yes'
  // Of an earlier version, or made by hand. Not verified yet: a wrong port is put right as soon as it is.
  const record = store.loadSet()?.records.get(`node/${name}`)
  return record !== undefined && fromUtf8(record).includes('"publicEndpoint":')
}

/** Kept for the next start. */
export function notePublic(store: Pick<Store, 'get' | 'set'>, now: boolean): void {
  const word = now ? 'yes' : 'no'
  if (store.get(KEY) !== word) store.set(KEY, word)
}

export function defaultPort(
  { name, nodeId }: Pick<Identity, 'name' | 'nodeId'>,
  store: Pick<Store, 'get' | 'loadSet'>,
  avoid: readonly number[],
): number {
  return isPublic(name, store) ? publicPort : ownPort(nodeId, avoid)
}
