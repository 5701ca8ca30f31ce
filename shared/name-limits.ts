// Bounds of the resolver, each with its reason; all others are in limits.ts, which is long enough.

/** Answers in a second: a busy site asks some hundred, and each costs a device like a Raspberry Pi 50 µs. */
export const nameAnswersPerSecondMax = 5_000
/** Connections by TCP at once: for what does not fit into a packet, which is rare. */
export const nameConnectionsMax = 32
/** Bytes of one question by TCP: a name, what it asks for, and options. */
export const nameQuestionBytesMax = 4_096
/** Questions that are waited for at other name servers at once: each has a socket, for two seconds and a half at most. */
export const nameAskedAtOnceMax = 128
/** Answers of name servers of sites that are kept: half a megabyte of the usual ones, and only on hosts that ask for them. */
export const siteAnswersMax = 1_024
/** Bytes of one that is: what comes by UDP. */
export const siteAnswerBytesMax = 4_096
/** Blocks of a network that nodes of a kind have their addresses from: one a site; each is looked at whenever one is given. */
export const addressPoolsMax = 256
/** Zones of a network that are asked of name servers of sites: one a site, and its reverse. */
export const dnsZonesMax = 256
/** Names whose addresses a device keeps: the hub, its brokers, and relays; a network has dozens. */
export const keptNamesMax = 64
/** Of each. */
export const keptAddressesMax = 4
