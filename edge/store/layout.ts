// Which layouts of the state database this build knows. Apart from the code that opens it, so that a build can be asked
// without opening anything.

/** The layout that it writes. */
export const layoutWritten = 1
/** The newest that it reads; one that also reads what the next build will write can be gone back to from there. */
export const layoutRead = 1
