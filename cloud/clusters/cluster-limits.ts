// Bounds of what the hub and agents of clusters say to each other, each with its reason.

/** Clusters of one hub: each is a connection of the hub's own, and a controller. */
export const clustersMax = 64
/** Objects that the hub holds of one cluster: a cluster of 1,000 nodes has a few thousand policies. */
export const clusterObjectsMax = 20_000
/** Of all of them as text: what 20,000 objects of ordinary size have. */
export const clusterBytesMax = 32 << 20
/** One object as text. A larger one is told of by its name alone, and what follows from it is closed. */
export const clusterObjectBytesMax = 128 << 10
/** Objects of one message as text, before they are packed; one object more may begin below it. */
export const clusterBatchBytesMax = 256 << 10
/** A message unpacked: a batch, an object above it, and what stands around them. */
export const clusterMessageBytesMax = clusterBatchBytesMax + 3 * clusterObjectBytesMax
/** A message as it is sent; what does not shrink by packing goes in smaller batches. */
export const clusterPacketBytesMax = clusterMessageBytesMax + 1_024
/** Objects of a message: a list of deletions has no size to speak of. */
export const clusterBatchMax = 2_000
/** Writes that the hub may have asked a cluster for and heard nothing of yet. */
export const clusterCallsMax = 64
/** From a write that is asked for to its answer: an API server that is slow, behind a bad link. */
export const clusterCallMsMax = 30_000
/** From a batch to the hub's word that it has it; then all is told anew. */
export const clusterBatchMsMax = 30_000
/** Between two messages of an agent: half of what the broker lets through. */
export const clusterMessageMsMin = 200
/** Ports of a ServiceImport: those of a service of each of its clusters, which all differ. */
export const clusterImportPortsMax = 64 * (clustersMax + 1)
/** Blocks of addresses for pods that one cluster may be given. */
export const clusterPodBlocksMax = 64
