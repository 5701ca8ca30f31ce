// Bounds of services on a device, each with its reason; all others are in limits.ts, which is long enough.

/** Services that a node knows the way to: some thousand ports are one look in the kernel, and 2 MB of its memory. */
export const servicesMax = 2_048
/** Backends of one service that are looked at; a set of a hundred that serve the same is a large one. */
export const serviceBackendsMax = 256
/** Pods that serve, of all services together: some 300 bytes each, and each is looked at with every change. */
export const servingPodsMax = 16_384
/** Backends that the flows of one port are spread over: the nearest of them. */
export const serviceSpreadMax = 64
/** Places that are asked whether they serve; those beyond are taken at their word. 1,024 in 10 s are a hundred a second. */
export const probedPlacesMax = 1_024
/** Questions under way at once: sockets of a small device. */
export const probesAtOnceMax = 32
/** Bytes of an answer by HTTP until its status is known: RFC 9112 §3 wants at least 8,000 for the line alone. */
export const probeAnswerBytesMax = 8_192
/** Services in `status`. */
export const servicesShownMax = 256
/** Pairs of virtual address and backend whose UDP is ended at once: bpf/loader/connections-end.c has room for as many. */
export const goneMax = 4_096
/** Ports at own addresses that services are published at: a site's list, at each of its addresses; one look in the kernel. */
export const publishedPortsMax = 1_024
/** Of these that a device tells the hub of: 5 KB of a report. */
export const publishedToldMax = 64
/** Connections that one device leads on by their name: two sockets each, of the thousands that a process may have. */
export const gateConnectionsMax = 2_048
/** Of these and those before them for whom each was: some seconds of a busy gate, until its flows are on record; 1 MB. */
export const gateToldMax = 4_096
/** A line that says so: two addresses and three ports. */
export const gateLineBytesMax = 256
/** Of such lines that wait for the agent; a gate that is not listened to goes on, and says less. */
export const gateSaidBytesMax = 64 << 10
/** Of these from one address: a browser opens a handful, an office behind one address some hundred. */
export const gatePerSourceMax = 256
/** For the first words of a client: a lossy LTE link repeats a segment twice in it. */
export const gateHelloMs = 10_000
/** Until a service takes the connection, milliseconds: a backend that is gone is noticed sooner. */
export const gateConnectMs = 10_000
/** A connection that nothing was said on for so long is over, whoever forgot to say so. */
export const gateIdleMs = 3_600_000
/** Of the head of a request that is led by its host and path, and of an answer: what Node and other servers take. */
export const gateHeadBytesMax = 16_384
/** Requests of one connection that wait for the answer to an earlier one; browsers send none ahead, and old clients a handful. */
export const gateRequestsWaitingMax = 16
/** A connection on which nothing is asked after an answer; clients that come back sooner save a handshake on a slow line. */
export const gateKeepAliveMs = 60_000
