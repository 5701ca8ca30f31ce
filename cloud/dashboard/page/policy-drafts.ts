// Drafts of this tab.

import { createDrafts } from '../model/drafts.ts'

export const drafts = createDrafts({
  getItem: (key) => sessionStorage.getItem(key),
  setItem: (key, value) => sessionStorage.setItem(key, value),
  removeItem: (key) => sessionStorage.removeItem(key),
})

export function putSuggestion(name: string, text: string): void {
  drafts.put(name, { text })
}
