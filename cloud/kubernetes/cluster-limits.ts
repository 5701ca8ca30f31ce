// Bounds of what a hub does in a cluster, each with its reason.

/** Events that a hub writes in one go: people who see fifty objects at fault look for what they have in common. */
export const clusterEventsMax = 50
/** And from then on. */
export const clusterEventsPerSecondMax = 1
/** ServiceImports that a cluster is given: as many services as a device knows the way to. */
export const clusterImportsMax = 2_048
/** Gateways of a cluster, the oldest first: each is looked at beside all others, for ports at the same nodes. */
export const clusterGatewaysMax = 256
/** Routes of Gateways, the oldest first: each is a service, of which a device knows the way to so many. */
export const clusterRoutesMax = 2_048
