// Bounds of what is made of flows on record: pages in which they are handed out, and policies that are suggested.

/** Records in one page of batches, a batch more or less: a megabyte, so that whoever asks for a month costs the agent no more. */
export const flowBatchesPageRecords = 2_000
/** Batches in one page: most hold a few records. */
export const flowBatchesPageMax = 1_000
/** Peers of one rule that is suggested: as many as a policy takes. */
export const suggestedPeersMax = 1_000
/** Ports of one rule that is suggested: as many as a policy takes. */
export const suggestedPortsMax = 256
/** Rules of one direction: as many as a policy takes, and far more than a person reads. */
export const suggestedRulesMax = 1_000
