// The place on the dashboard that somebody leaves to sign in elsewhere, and comes back to. The browser's tab keeps it.

const KEY = 'holdfast-place'

export function leavePlace(): void {
  try {
    sessionStorage.setItem(KEY, location.hash)
  } catch {
    // Whoever keeps nothing comes back to the first page.
  }
}

/** Where nobody has asked for another place meanwhile. */
export function returnToPlace(): void {
  try {
    const place = sessionStorage.getItem(KEY)
    sessionStorage.removeItem(KEY)
    if (place?.startsWith('#/') === true && location.hash.length <= 1) location.hash = place
  } catch {
    // There is none.
  }
}
