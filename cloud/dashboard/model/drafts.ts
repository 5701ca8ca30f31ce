// Policies that are being edited, by name: kept by the page while one looks elsewhere in it, and by the browser's tab across a
// reload, so that neither a session that ended nor a crash takes what was typed.

export interface Draft {
  readonly text: string
  /** What it was written from; undefined for one that is new. */
  readonly base?: string | undefined
}

/** Where drafts outlive a reload; a browser may refuse it. */
export interface DraftShelf {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

const PREFIX = 'holdfast-draft/'

export interface Drafts {
  get(name: string): Draft | undefined
  put(name: string, draft: Draft): void
  drop(name: string): void
}

export function createDrafts(shelf: DraftShelf): Drafts {
  const held = new Map<string, Draft>()
  return {
    get(name) {
      const own = held.get(name)
      if (own !== undefined) return own
      try {
        const { base, text } = JSON.parse(shelf.getItem(PREFIX + name) ?? 'null') as { text?: unknown; base?: unknown }
        if (typeof text !== 'string') return undefined
        return { text, ...(typeof base === 'string' ? { base } : {}) }
      } catch {
        return undefined
      }
    },
    put(name, draft) {
      held.set(name, draft)
      try {
        shelf.setItem(PREFIX + name, JSON.stringify(draft))
      } catch {
        // Too large for the browser's shelf: it lasts as long as the page.
      }
    },
    drop(name) {
      held.delete(name)
      try {
        shelf.removeItem(PREFIX + name)
      } catch {
        // There was nothing to take down.
      }
    },
  }
}
