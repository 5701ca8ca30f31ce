// Where names that a route asks for and the name of a listener meet. `*.example.com` stands for names below it. Pure.

function isBelow(name: string, wildcard: string): boolean {
  return wildcard.startsWith('*.') && name.length > wildcard.length - 1 && name.endsWith(wildcard.slice(1))
}

/** The narrower of two names; undefined where no name is both. */
function meet(a: string, b: string): string | undefined {
  if (a === b) return a
  if (isBelow(a, b)) return a
  return isBelow(b, a) ? b : undefined
}

/** Of none on one side, those of the other. */
export function meeting(listener: string | undefined, route: readonly string[]): readonly string[] {
  if (listener === undefined || listener === '') return [...new Set(route)]
  if (route.length === 0) return [listener]
  return [...new Set(route.flatMap((one) => meet(listener, one) ?? []))]
}
