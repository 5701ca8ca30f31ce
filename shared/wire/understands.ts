// What of newer intent an agent can be sent. It says so with each status report, and in a header where it asks to join: a field
// of that request would be refused by hubs that are older than it.

/**
 * Words of this version; `renumber-step`: a renumbering, and at which step it is; `renumber-locked`: one under a membership lock,
 * whose signatures are over the addresses of one step each.
 */
export const understands = ['renumber', 'renumber-step', 'renumber-locked'] as const
export type Understood = (typeof understands)[number]

export const understandsHeader = 'holdfast-understands'

/** Most words that are looked at: a newer agent may know of some that are unknown here. */
export const understandsMax = 16
export const understoodWordMax = 32

/** The words of the header; none where it is absent. What is no word is left out: it can only be news. */
export function parseUnderstands(header: string | undefined): readonly string[] {
  // Cut first: proxies bound a header at kilobytes, and no more than this is ever meant.
  const text = (header ?? '').slice(0, understandsMax * (understoodWordMax + 2))
  const words = text.split(',').map((word) => word.trim())
  return words.filter((word) => /^[a-z][a-z0-9-]{0,31}$/.test(word)).slice(0, understandsMax)
}

export function formatUnderstands(words: readonly string[]): string {
  return words.join(', ')
}
