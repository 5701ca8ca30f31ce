// Numbers for texts: for identities and rules, which the kernel knows by 32 bits. A number follows from its text alone, so
// that it stays when others come and go and is the same on every node; the few that collide give way in the order of texts.

/** Numbers below are kept for the table itself: 0 is whoever is not known. */
const RESERVED = 16

/** FNV-1a over UTF-16 code units, with the finalising mix of MurmurHash3 for the upper bits. */
function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function probed(texts: readonly string[], hash: (text: string) => number): ReadonlyMap<string, number> {
  const taken = new Set<number>()
  const of = new Map<string, number>()
  for (const text of texts.toSorted()) {
    let number = hash(text)
    while (number < RESERVED || taken.has(number)) number = (number + 1) >>> 0
    taken.add(number)
    of.set(text, number)
  }
  return of
}

/** `texts`: each once. `hash` is for tests of what collides. */
export function numbersFor(texts: readonly string[], hash = hash32): ReadonlyMap<string, number> {
  const of = new Map<string, number>()
  const taken = new Set<number>()
  for (const text of texts) {
    const number = hash(text)
    if (number < RESERVED || taken.has(number)) return probed(texts, hash)
    taken.add(number)
    of.set(text, number)
  }
  return of
}
