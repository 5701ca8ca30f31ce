// Bounds of what is signed under a membership lock, each with its reason; all others are in limits.ts, which is long enough.

/** Lists of addresses that signatures of one device are kept for: the four of a renumbering, and those of the next. */
export const signedListsMax = 8
/** Rows of one member in a file that people sign: as it is, and at the other steps of a renumbering. */
export const signedRowsMax = 4
