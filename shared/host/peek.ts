// The first bytes of a connection, looked at before it is given to whoever they are for.

import type { Socket } from 'node:net'
import { concat } from '../bytes.ts'

/** `skip`: bytes that were meant for the reader and are not put back. */
export interface Peeked<T> {
  readonly value: T
  readonly skip: number
}

/**
 * Gathers bytes until `read` is content with them; `more` asks for further ones and has a bound of its own. Resolves with
 * undefined where the connection ends before. Afterwards nobody reads the socket: whoever takes it over does.
 */
export function peek<T>(socket: Socket, read: (bytes: Uint8Array) => Peeked<T> | 'more'): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<T | undefined>()
  let bytes: Uint8Array = new Uint8Array(0)
  const leave = (value: T | undefined): void => {
    socket.removeListener('data', onData).removeListener('close', onClose)
    resolve(value)
  }
  const onClose = (): void => leave(undefined)
  const onData = (part: Uint8Array): void => {
    bytes = bytes.length === 0 ? part : concat(bytes, part)
    const peeked = read(bytes)
    if (peeked === 'more') return
    socket.pause()
    const rest = bytes.subarray(peeked.skip)
    if (rest.length > 0) socket.unshift(rest)
    leave(peeked.value)
  }
  socket.on('close', onClose).on('data', onData)
  return promise
}
