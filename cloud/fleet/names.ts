// A list of names in a sentence.

const SHOWN = 5

export function names(list: readonly string[]): string {
  const rest = list.length - SHOWN
  return rest <= 0 ? list.join(', ') : `${list.slice(0, SHOWN).join(', ')} and ${rest} more`
}
