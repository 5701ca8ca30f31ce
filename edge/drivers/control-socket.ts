// The agent's own datagrams beside WireGuard's: plain sockets at the control port, which the shared-port rules of the own
// nft table dress as WireGuard's port. A host where those rules do nothing is found out at the start: a frame to ourselves,
// addressed to WireGuard's port, must come back to the control port, from WireGuard's port.

import type { Socket } from 'node:dgram'
import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, isIpv6, portOf } from '../../shared/address/endpoint.ts'
import { concat, sameBytes } from '../../shared/bytes.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { FrameSocket } from '../paths/doors.ts'
import { bindUdp } from './udp-socket.ts'

export interface ControlSocketOptions {
  readonly listenPort: number
  readonly controlPort: number
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

/** As every packet of this host. */
const TTL = 64
/** Loopback answers in microseconds; a busy Raspberry Pi in milliseconds. */
const PROBE_MS = 500
const PROBE_TRIES = 3
/** Looks like a frame to the rules, and like none to whoever parses it. */
const PROBE_MAGIC = Uint8Array.of(0xf0, 0x68, 0x66, 1, 0)
/** Bytes the kernel may keep for us: a thousand frames while a turn of planning runs. */
const RECEIVE_BUFFER = 1 << 18
/** Bytes that may wait where the kernel takes no more: what is older than that measures nothing. */
const SEND_QUEUE_BYTES_MAX = 1 << 16

function bind(type: 'udp4' | 'udp6', port: number, log: Log): Promise<Socket> {
  return bindUdp({ type, port, receiveBufferBytes: RECEIVE_BUFFER, name: 'the control socket', log })
}

export function createControlSocket(options: ControlSocketOptions): FrameSocket {
  const { clock, controlPort, entropy, listenPort, log } = options
  let four: Socket | undefined
  let six: Socket | undefined

  const sendBy = (socket: Socket | undefined, bytes: Uint8Array, to: Endpoint, ttl: number | undefined): void => {
    if (socket === undefined || socket.getSendQueueSize() > SEND_QUEUE_BYTES_MAX) return
    // One that had to wait would go out with the TTL of then.
    if (ttl !== undefined && socket.getSendQueueCount() > 0) return
    try {
      if (ttl !== undefined) socket.setTTL(ttl)
      socket.send(bytes, portOf(to), hostOf(to), () => undefined)
    } catch (error) {
      log.debug('a frame could not be sent', { to, why: describeError(error) })
    } finally {
      if (ttl !== undefined) socket.setTTL(TTL)
    }
  }
  const send: FrameSocket['send'] = (bytes, to, ttl) => sendBy(isIpv6(to) ? six : four, bytes, to, ttl)

  /** True once a frame to ourselves came back the way the rules lead it. */
  const sharesPort = async (socket: Socket): Promise<boolean> => {
    const probe = concat(PROBE_MAGIC, entropy.bytes(16))
    const outcome = Promise.withResolvers<boolean>()
    const onMessage = (bytes: Uint8Array, from: { readonly port: number }): void => {
      if (sameBytes(bytes, probe)) outcome.resolve(from.port === listenPort)
    }
    socket.on('message', onMessage)
    let tries = 0
    const attempt = (): void => {
      if (tries === PROBE_TRIES || socket !== four) return outcome.resolve(false)
      tries += 1
      socket.send(probe, listenPort, '127.0.0.1', () => undefined)
      timer = clock.after(PROBE_MS / PROBE_TRIES, attempt)
      return undefined
    }
    let timer = clock.after(0, attempt)
    try {
      return await outcome.promise
    } finally {
      timer.cancel()
      socket.removeListener('message', onMessage)
    }
  }

  const listen = (socket: Socket, onMessage: (bytes: Uint8Array, from: Endpoint) => void): void => {
    socket.on('message', (bytes, { address, port }) => {
      // A zone can't be an endpoint of ours, and port 0 nobody's.
      if (port !== 0 && !address.includes('%')) onMessage(bytes, formatEndpoint(address as Address, port))
    })
  }

  const close = async (): Promise<void> => {
    const open = [four, six].filter((socket) => socket !== undefined)
    four = undefined
    six = undefined
    await Promise.all(open.map((socket) => new Promise<void>((resolve) => socket.close(resolve))))
  }

  return {
    async open(onMessage) {
      try {
        four = await bind('udp4', controlPort, log)
        if (!(await sharesPort(four)) || four === undefined) {
          await close()
          return false
        }
        listen(four, onMessage)
        six = await bind('udp6', controlPort, log).catch(() => undefined)
        if (six !== undefined) listen(six, onMessage)
        // Closed meanwhile: this one came too late for it.
        if (four === undefined) await close()
        return four !== undefined
      } catch (error) {
        log.warn('the control port can’t be used', { port: controlPort, why: describeError(error) })
        await close()
        return false
      }
    },
    send,
    close,
  }
}
