// Bounds of commands that the hub gives to one device, each with its reason; all others are in limits.ts, which is long enough.

/** A command with its signature: ids, a kind and the name of a peer. */
export const commandBytesMax = 2 << 10
/** What a device answers: a support bundle is some 500 KB, and goes through the broker in chunks like a snapshot. */
export const commandResultBytesMax = 2 << 20
/** The signed head of an answer: ids, a state, and a sentence or two. */
export const commandAnswerBytesMax = 4 << 10
/** Life of a command, milliseconds, from when it is given: a person waits for it. */
export const commandLifeMsMin = 5_000
export const commandLifeMsDefault = 60_000
export const commandLifeMsMax = 10 * 60_000
/** So long a device works on one, milliseconds: a bundle asks the kernel a dozen things. */
export const commandRunMsMax = 60_000
/** Commands that a device takes per minute: a person at a page; a hub that was taken over gets no more out of it. */
export const commandsPerMinuteMax = 12
/** Pings of one command. */
export const commandPingsMax = 20
/** Commands of one hub that are not answered yet: one each of as many devices as a person has on a page. */
export const commandsOpenMax = 256
/** Commands that a hub remembers with what came of them, also over a restart, the oldest dropped … */
export const commandsKeptMax = 512
/** … and those that were given longer ago than this, milliseconds: two weeks, so that a holiday is over by then. */
export const commandsKeptMsMax = 14 * 86_400_000
/** Bytes of all results that a hub keeps: a dozen bundles. */
export const commandResultsBytesMax = 32 << 20
/** Peers that a device remembers the past of, those that were talked with last: 3.5 KB each of a small memory … */
export const historyPeersMax = 32
/** … points of each … */
export const historyPointsMax = 180
/** … and the time between two of them, milliseconds: three hours, which is what a person who is called at night looks back on. */
export const historyStepMs = 60_000
