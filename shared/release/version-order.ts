// Which of two versions is older, by Semantic Versioning 2.0.0 §11. What stands behind "+" tells builds of one version apart
// and says nothing of their order (§10): 0.1.0+abc and 0.1.0+def are neither older nor newer than each other.

import * as v from 'valibot'

/** What a release may be called; it is also the name of a directory. */
export const releaseVersion = v.pipe(
  v.string(),
  v.regex(/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/, 'is not a version such as 1.2.3'),
)

const SHAPE = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]{1,60}))?(?:\+[0-9A-Za-z.-]{1,60})?$/

/** Numbers are lower than words, and compared as numbers. */
function compareWord(a: string, b: string): number {
  const [isNumber, isOther] = [/^\d{1,15}$/.test(a), /^\d{1,15}$/.test(b)]
  if (isNumber && isOther) return Math.sign(Number(a) - Number(b))
  if (isNumber !== isOther) return isNumber ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** A version before it is out is older than the one that is. */
function compareEarly(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  const [words, others] = [a.split('.'), b.split('.')]
  for (const [at, word] of words.entries()) {
    const other = others[at]
    const order = other === undefined ? 1 : compareWord(word, other)
    if (order !== 0) return order
  }
  return words.length === others.length ? 0 : -1
}

/** Negative where `a` is older, 0 where neither is; undefined where one of them is no such version, like `dev`. */
export function compareRelease(a: string, b: string): number | undefined {
  const [one, other] = [SHAPE.exec(a), SHAPE.exec(b)]
  if (one === null || other === null) return undefined
  for (const at of [1, 2, 3]) {
    const order = Math.sign(Number(one[at]) - Number(other[at]))
    if (order !== 0) return order
  }
  return compareEarly(one[4], other[4])
}
