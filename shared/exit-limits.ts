// Bounds of exits, each with its reason.

/** Name servers of one exit: two of one provider and two of another. */
export const exitResolversMax = 4
/** Hub, brokers and relays that a device may talk to past its exit; each is a rule of the kernel that every packet meets. */
export const exitContactsMax = 64
/** Addresses that a node which leads out counts at a time: as many as a network may have records. */
export const exitClientsMax = 20_000
