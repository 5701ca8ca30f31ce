// Bytes of the streams to the broker, one after the other, as TCP carried them: what TLS made of them, and for each of both
// directions that moved between two looks one packet's headers, because an idle link sends its few words one by one.

import type { Duplex } from 'node:stream'

export interface StreamCount {
  /** The same opener, counted. */
  readonly counted: (open: () => Promise<Duplex>) => () => Promise<Duplex>
  /** Since the start, both ways. */
  bytes(): number
}

/** IPv4 and TCP with timestamps (RFC 791, 9293, 7323), and the same for the acknowledgement. */
const AROUND_BYTES = 2 * 52

interface Counters {
  readonly bytesRead?: number
  readonly bytesWritten?: number
}

export function createStreamCount(): StreamCount {
  let stream: Counters | undefined
  let [read, written, total] = [0, 0, 0]

  const look = (): void => {
    const [nowRead, nowWritten] = [stream?.bytesRead ?? 0, stream?.bytesWritten ?? 0]
    for (const more of [nowRead - read, nowWritten - written]) if (more > 0) total += more + AROUND_BYTES
    read = nowRead
    written = nowWritten
  }

  return {
    counted: (open) => async () => {
      look()
      stream = undefined
      const next = await open()
      // A WebSocket's stream has no figures of its own.
      stream = next as Counters
      read = 0
      written = 0
      return next
    },
    bytes() {
      look()
      return total
    },
  }
}
