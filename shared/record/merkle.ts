// Merkle tree over the records of a network (construction of RFC 6962 §2.1: leaves and nodes hashed with distinct
// prefixes, split at the largest power of two below n), leaves sorted by id. Levels are kept, so changing one record of
// n costs log2(n) hashes; adding or removing one rehashes what stands to its right.

import { compareText, concat, utf8 } from '../bytes.ts'
import type { Sha256 } from '../effects.ts'

interface Leaf {
  readonly id: string
  readonly hash: Uint8Array
}

export class MerkleTree {
  readonly #sha256: Sha256
  readonly #leaves: Leaf[] = []
  /** `#levels[0]` holds leaf hashes; each level above pairs the one below, an odd last node moves up unchanged. */
  #levels: Uint8Array[][] = [[]]
  /** Leftmost leaf whose ancestors are out of date for structural reasons; Infinity if none. */
  #dirtyFrom = Number.POSITIVE_INFINITY
  /** Leaves replaced in place since the last root. */
  readonly #dirty = new Set<number>()

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
  }

  get size(): number {
    return this.#leaves.length
  }

  /** A tree of its own over the same set; no hash is computed again. */
  clone(): MerkleTree {
    const copy = new MerkleTree(this.#sha256)
    copy.#leaves.push(...this.#leaves)
    copy.#levels = this.#levels.map((level) => [...level])
    copy.#dirtyFrom = this.#dirtyFrom
    for (const at of this.#dirty) copy.#dirty.add(at)
    return copy
  }

  /** Sets the record `id` to the bytes whose SHA-256 is `recordHash`. */
  put(id: string, recordHash: Uint8Array): void {
    const hash = this.#sha256(concat(Uint8Array.of(0), this.#sha256(utf8(id)), recordHash))
    const at = this.#position(id)
    if (this.#leaves[at]?.id === id) {
      this.#leaves[at] = { id, hash }
      this.#dirty.add(at)
    } else {
      this.#leaves.splice(at, 0, { id, hash })
      this.#dirtyFrom = Math.min(this.#dirtyFrom, at)
    }
  }

  delete(id: string): boolean {
    const at = this.#position(id)
    if (this.#leaves[at]?.id !== id) return false
    this.#leaves.splice(at, 1)
    this.#dirtyFrom = Math.min(this.#dirtyFrom, at)
    return true
  }

  /** Root of the present set; the root of the empty set is SHA-256 of nothing, as in RFC 6962. */
  root(): Uint8Array {
    if (this.#leaves.length === 0) return this.#sha256(new Uint8Array(0))
    if (this.#dirtyFrom !== Number.POSITIVE_INFINITY) this.#rebuildFrom(this.#dirtyFrom)
    else if (this.#dirty.size > 0) this.#refresh(this.#dirty)
    this.#dirtyFrom = Number.POSITIVE_INFINITY
    this.#dirty.clear()
    return this.#levels.at(-1)?.[0] ?? this.#sha256(new Uint8Array(0))
  }

  #position(id: string): number {
    let low = 0
    let high = this.#leaves.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareText(this.#leaves[middle]?.id ?? '', id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #parent(below: readonly Uint8Array[], index: number): Uint8Array {
    const left = below[2 * index] as Uint8Array
    const right = below[2 * index + 1]
    return right === undefined ? left : this.#sha256(concat(Uint8Array.of(1), left, right))
  }

  /** Rebuilds everything from leaf `from` on; leaves replaced to its left are refreshed along the way. */
  #rebuildFrom(from: number): void {
    let start = Math.min(from, ...this.#dirty)
    let level = this.#leaves.map((leaf) => leaf.hash)
    const levels = [level]
    while (level.length > 1) {
      const above = this.#levels[levels.length] ?? []
      start >>>= 1
      const width = (level.length + 1) >>> 1
      const next: Uint8Array[] = []
      for (let i = 0; i < width; i++) {
        const kept = i < start ? above[i] : undefined
        next.push(kept ?? this.#parent(level, i))
      }
      levels.push(next)
      level = next
    }
    this.#levels = levels
  }

  #refresh(leaves: ReadonlySet<number>): void {
    let dirty = leaves
    for (const at of dirty) (this.#levels[0] as Uint8Array[])[at] = (this.#leaves[at] as Leaf).hash
    for (let depth = 1; depth < this.#levels.length; depth++) {
      const below = this.#levels[depth - 1] as Uint8Array[]
      const level = this.#levels[depth] as Uint8Array[]
      const parents = new Set<number>()
      for (const at of dirty) parents.add(at >>> 1)
      for (const at of parents) level[at] = this.#parent(below, at)
      dirty = parents
    }
  }
}
