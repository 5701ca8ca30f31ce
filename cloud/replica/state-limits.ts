// Bounds on what a hub keeps in a cluster.

/** One part of a hub's state in a cluster: as base64, and with what belongs to the object, well below the MiB of a Secret. */
export const statePartBytesMax = 512 << 10
/** Its head, deflated, twice beside each other in one Secret. */
export const stateHeadBytesMax = 300 << 10
/** Parts of a state: ten times those of ten thousand devices with a full audit log; more would weigh on the cluster's etcd. */
export const statePartsMax = 10_000
/** Reads and writes of parts at once: an API server lets a client have some ten before others have to wait. */
export const stateCallsAtOnceMax = 8
