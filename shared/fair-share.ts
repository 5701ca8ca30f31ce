// A bounded list of things of several groups, none of which may crowd out another.

/**
 * At most `max` of `list`, in its order: the first of every group, then the second of every group, and so on until no more
 * fit. Groups come in the order of their first.
 */
export function fairShare<T>(list: readonly T[], groupOf: (one: T) => string, max: number): readonly T[] {
  if (list.length <= max) return list
  const groups = [...Map.groupBy(list.keys(), (at) => groupOf(list[at] as T)).values()]
  const inTurns = list.flatMap((_, turn) => groups.flatMap((group) => group[turn] ?? []))
  const kept = new Set(inTurns.slice(0, max))
  return list.filter((_, at) => kept.has(at))
}
