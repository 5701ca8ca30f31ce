// The last matrices of one hub: judging a fleet takes a tenth of a second and more, and what it is made of changes seldom, while
// pages ask for it again and again.

import { toHex, utf8 } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import type { World } from '../../shared/policy/world.ts'
import { type Matrix, matrixOf } from './matrix.ts'

/** One for each label that somebody looks by just now, in a network or two. */
const KEPT_MAX = 8

/** Of all that a matrix is made of: pods have no part in it. */
function fingerprint({ defaultPolicy, endpoints, policies, services }: World, by: string | undefined): string {
  const ends = endpoints.flatMap(({ addresses, kind, labels, name, node }) =>
    kind === 'pod' ? [] : [[kind, name, node, labels, addresses]],
  )
  return toHex(sha256(utf8(JSON.stringify([by ?? null, defaultPolicy, policies, services, ends]))))
}

export interface MatrixMemo {
  of(world: World, by?: string): Matrix
}

/** `judge`: of whoever counts how often it is asked. */
export function createMatrixMemo(judge: typeof matrixOf = matrixOf): MatrixMemo {
  const held = new Map<string, Matrix>()
  return {
    of(world, by) {
      const key = fingerprint(world, by)
      const matrix = held.get(key) ?? judge(world, by)
      // The one that was asked for last goes last.
      held.delete(key)
      held.set(key, matrix)
      const [oldest] = held.keys()
      if (held.size > KEPT_MAX && oldest !== undefined) held.delete(oldest)
      return matrix
    },
  }
}
