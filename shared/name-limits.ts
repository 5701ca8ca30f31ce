// Bounds of the resolver, each with its reason; all others are in limits.ts, which is long enough.

/** Answers in a second: a busy site asks some hundred, and each costs a device like a Raspberry Pi 50 µs. */
export const nameAnswersPerSecondMax = 5_000
/** Connections by TCP at once: for what does not fit into a packet, which is rare. */
export const nameConnectionsMax = 32
/** Bytes of one question by TCP: a name, what it asks for, and options. */
export const nameQuestionBytesMax = 4_096
