// Cuts off a peer that announces an MQTT packet over the limit, before the broker's parser gathers it in memory.

import type { Duplex } from 'node:stream'

/** Follows fixed headers (MQTT 3.1.1 §2.2) through a byte stream; false once a packet is over its limit. */
export function packetMeter(limitOf: () => number): (bytes: Uint8Array) => boolean {
  let state: 'type' | 'length' | 'body' = 'type'
  let length = 0
  let digits = 0
  let left = 0
  return (bytes) => {
    for (let at = 0; at < bytes.length; ) {
      if (state === 'body') {
        const step = Math.min(left, bytes.length - at)
        left -= step
        at += step
        if (left === 0) state = 'type'
        continue
      }
      const byte = bytes[at++] ?? 0
      if (state === 'type') {
        state = 'length'
        length = 0
        digits = 0
        continue
      }
      length += (byte & 0x7f) * 128 ** digits++
      if (length > limitOf() || digits > 4) return false
      if ((byte & 0x80) !== 0) continue
      left = length
      state = left === 0 ? 'type' : 'body'
    }
    return true
  }
}

/**
 * Watches what the broker reads from `stream` and destroys it when a packet is too large. The stream's own `read` is
 * wrapped instead of putting another stream in between, which would cost thousands of connections two buffers each.
 */
export function limitPackets(stream: Duplex, limitOf: () => number, onExcess: () => void): void {
  const within = packetMeter(limitOf)
  const read = stream.read.bind(stream)
  stream.read = (size?: number): unknown => {
    const bytes: unknown = read(size)
    if (!(bytes instanceof Uint8Array) || within(bytes)) return bytes
    onExcess()
    stream.destroy()
    return null
  }
}
