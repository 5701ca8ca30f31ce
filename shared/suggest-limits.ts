// Bounds of what is made of flows on record: pages in which they are handed out, and policies that are suggested.

/** Bytes of batches in one page, a batch more: copied in some milliseconds. */
export const flowBatchesPageBytes = 512 << 10
/** Batches in one page: most hold a few records. */
export const flowBatchesPageMax = 1_000
/** Peers of one rule that is suggested: as many as a policy takes. */
export const suggestedPeersMax = 1_000
/** Ports of one rule that is suggested: as many as a policy takes. */
export const suggestedPortsMax = 256
/** Rules of one direction: as many as a policy takes, and far more than a person reads. */
export const suggestedRulesMax = 1_000
