// A connection as a channel of frames: bounded in silence and in time, whoever is at the other end.

import type { Socket } from 'node:net'
import type { Clock } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { gossipExchangeMsMax, gossipSilenceMsMax } from '../../shared/limits.ts'
import { createFramer, encodeFrame } from '../../shared/wire/frames.ts'
import type { Channel, ChannelEvents } from '../gossip/doors.ts'

/** Time for a goodbye. */
const CLOSE_MS = 2_000

export interface OpenChannel extends Channel {
  /** From now on events go there; what came before is given first. */
  attach(events: ChannelEvents): void
  destroy(): void
}

export function channelOf(socket: Socket, clock: Clock): OpenChannel {
  const framer = createFramer()
  let events: ChannelEvents | undefined
  let why: string | undefined
  let closed = false

  const fail = (reason: string): void => {
    why ??= reason
    socket.destroy()
  }

  const late = clock.after(gossipExchangeMsMax, () => fail('it takes too long'))
  socket.setTimeout(gossipSilenceMsMax, () => fail('the peer is silent'))
  socket.on('error', (error) => fail(error.message))
  socket.once('close', () => {
    late.cancel()
    if (closed) return
    closed = true
    events?.onClosed(why)
  })

  const read = (bytes: Uint8Array): void => {
    try {
      for (const frame of framer.push(bytes)) events?.onFrame(frame)
    } catch (error) {
      fail(describeError(error))
    }
  }

  return {
    attach(to) {
      events = to
      if (closed) return to.onClosed(why)
      // Whoever looked at its first bytes may have paused it.
      socket.on('data', read).resume()
      return undefined
    },
    async send(frame) {
      if (closed || socket.writableEnded) throw new HoldfastError('unreachable', why ?? 'the connection is closed')
      if (socket.write(encodeFrame(frame))) return
      const room = Promise.withResolvers<void>()
      socket.once('drain', room.resolve)
      socket.once('close', room.resolve)
      await room.promise
      socket.removeListener('drain', room.resolve)
      socket.removeListener('close', room.resolve)
      if (closed || socket.destroyed) throw new HoldfastError('unreachable', why ?? 'the connection is closed')
    },
    close() {
      socket.end()
      socket.setTimeout(CLOSE_MS, () => socket.destroy())
    },
    destroy: () => socket.destroy(),
    bytes: () => socket.bytesRead + socket.bytesWritten,
  }
}
