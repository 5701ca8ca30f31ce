// By which WireGuard key each member is known: its record's, or a younger one that the device itself has stated. The words come
// with facts, and by path frames where no tunnel is left to bring a fact; each is verified with the device key of the record.
//
// Under a membership lock people sign for a key together with the device: there a word counts only for the key that the record
// names as the next, with their signatures.

import type { Log, Sha256, Verify } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import { type KeyStatement, openKeyStatement } from '../../shared/fact/key-statement.ts'
import type { DeviceKey, NetworkId, NodeId, WgKey } from '../../shared/ids.ts'
import { sameEnvelope } from '../../shared/record/envelope.ts'
import { asNext, type Judge } from '../../shared/record/member.ts'
import type { NodeBody } from '../../shared/record/record.ts'

export interface KeyBookOptions {
  readonly network: NetworkId
  readonly sha256: Sha256
  readonly verify: Verify
  readonly log: Log
  /** The device key of a member; undefined for everybody else. */
  readonly keyOf: (node: NodeId) => DeviceKey | undefined
  /** … as its record has it; absent where no other can be known. */
  readonly recordedKeyOf?: (node: NodeId) => DeviceKey | undefined
}

export interface KeyBook {
  /** Rises with every word that was taken. */
  revision(): number
  /** True if the word is a newer one than was known. What does not verify is none. */
  offer(node: NodeId, envelope: Uint8Array): boolean
  /** This device's own word, which needs no proof here; undefined where it has none to give. */
  state(node: NodeId, word: KeyStatement | undefined): void
  /** Drops words of those who left. */
  membersChanged(): void
  /** The youngest word of the node. */
  readonly word: (node: NodeId) => KeyStatement | undefined
}

export function createKeyBook(options: KeyBookOptions): KeyBook {
  const { keyOf, log, network, recordedKeyOf = keyOf, sha256, verify } = options
  /** `by`: the device key that the word was signed with; undefined for this device's own. */
  const words = new Map<NodeId, { readonly word: KeyStatement; readonly by: DeviceKey | undefined }>()
  /** The last envelope of each that was looked at, and by which key: facts repeat it. */
  const seen = new Map<NodeId, { readonly envelope: Uint8Array; readonly by: DeviceKey }>()
  let revision = 0

  const take = (word: KeyStatement, by: DeviceKey): boolean => {
    const held = words.get(word.node)
    const same = held?.by === by
    // A word of a former device key is outranked by whatever the present one says: somebody may have that key by now.
    if (same && word.serial <= held.word.serial) return false
    words.set(word.node, { word, by })
    if (held?.word.serial === word.serial && held.word.wgKey === word.wgKey) return false
    revision += 1
    return true
  }

  return {
    revision: () => revision,
    offer(node, envelope) {
      const deviceKey = keyOf(node)
      if (deviceKey === undefined) return false
      const last = seen.get(node)
      if (last?.by === deviceKey && sameEnvelope(last.envelope, envelope)) return false
      seen.set(node, { envelope, by: deviceKey })
      try {
        return take(openKeyStatement(envelope, { network, node, deviceKey }, verify, sha256), deviceKey)
      } catch (error) {
        log.warn('a word on a key was refused', { node, reason: describeError(error) })
        return false
      }
    },
    state(node, word) {
      if (word === undefined) words.delete(node)
      else words.set(node, { word, by: undefined })
      revision += 1
    },
    membersChanged() {
      for (const node of new Set([...seen.keys(), ...words.keys()])) {
        const key = keyOf(node)
        const by = words.get(node)?.by
        // What a former device key said ends with it, once the record has the present one; the device has said it anew by then.
        const isPast = key !== undefined && by !== undefined && by !== key && recordedKeyOf(node) === key
        if (isPast && words.delete(node)) revision += 1
        if (key !== undefined) continue
        seen.delete(node)
        if (words.delete(node)) revision += 1
      }
    },
    word: (node) => words.get(node)?.word,
  }
}

/** A word counts while the record does not know of it, and where it names nobody else's key. */
function claimed(node: NodeBody, word: KeyStatement | undefined, takenBy: ReadonlyMap<WgKey, NodeId>): NodeBody {
  if (word === undefined || word.serial <= (node.wgSerial ?? 0)) return node
  const holder = takenBy.get(word.wgKey)
  if (holder !== undefined && holder !== node.nodeId) return node
  return { ...node, wgKey: word.wgKey, wgSerial: word.serial }
}

/** Under a lock: a word counts for the very key that people have signed for. */
function signedFor(node: NodeBody, word: KeyStatement | undefined, judge: Judge): NodeBody {
  const next = asNext(node)
  if (word === undefined || next === undefined || judge(next) !== 'admitted') return node
  return word.wgKey === next.wgKey && word.serial === next.wgSerial ? next : node
}

/** `nodes` with the keys by which they are known now, in a network under a lock. */
export function withSignedKeys(nodes: readonly NodeBody[], wordOf: KeyBook['word'], judge: Judge): readonly NodeBody[] {
  if (nodes.every(({ next }) => next === undefined)) return nodes
  return nodes.map((node) => signedFor(node, wordOf(node.nodeId), judge))
}

/** `nodes` with the keys by which they are known now; the very list where every record says so already. */
export function withKeys(nodes: readonly NodeBody[], wordOf: KeyBook['word']): readonly NodeBody[] {
  if (nodes.every((node) => wordOf(node.nodeId) === undefined)) return nodes
  const takenBy = new Map(nodes.map((node) => [node.wgKey, node.nodeId]))
  let changed = false
  const known = nodes.map((node) => {
    const next = claimed(node, wordOf(node.nodeId), takenBy)
    // Of two that state the same key the first keeps it.
    if (next !== node) takenBy.set(next.wgKey, next.nodeId)
    changed ||= next !== node
    return next
  })
  return changed ? known : nodes
}
