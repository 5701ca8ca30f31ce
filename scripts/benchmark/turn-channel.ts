// The channel that the benchmark binds, and what stands before each packet on it (RFC 8656 §12.4).

/** The first of those that clients may choose. */
export const turnChannel = 0x4000
export const channelHeadBytes = 4

/** For a payload of so many bytes, hexadecimal. */
export function channelHead(payloadBytes: number): string {
  return [turnChannel, payloadBytes].map((word) => word.toString(16).padStart(4, '0')).join('')
}
