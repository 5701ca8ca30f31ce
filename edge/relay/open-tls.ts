// The TLS part of a relay on this host: open at its port as soon as that is free, beside the UDP part and never in its way.

import type { Entropy, Log, Signer, Timer } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { HubBehind } from './tls-pass.ts'
import { createTlsRelay, type TlsRelay, type TlsRelayOptions } from './tls-relay.ts'
import { openTlsServer, type TlsServer } from './tls-server.ts'

/** What a relay needs to be found by TLS, too. */
export interface TlsDuty
  extends Pick<TlsRelayOptions, 'sessionBytesPerSecond' | 'totalBytesPerSecond' | 'local' | 'onLocal'> {
  readonly port: number
  /** The hub that shares the port. */
  readonly behind?: HubBehind | undefined
  /** The device key. */
  readonly signer: Signer
  /** Why the port is not open; undefined once it is. */
  readonly onTrouble?: ((why: string | undefined) => void) | undefined
}

export type OpenTlsOptions = TlsDuty & TlsRelayOptions & { readonly entropy: Entropy; readonly log: Log }

export interface OpenedTls extends TlsRelay {
  /** The port that is open. */
  port(): number | undefined
}

const SWEEP_MS = 5_000

export function openTls(options: OpenTlsOptions): OpenedTls {
  const { clock, log, onTrouble, port } = options
  const relay = createTlsRelay(options)
  let server: TlsServer | undefined
  let timer: Timer | undefined
  let trouble: string | undefined
  let ended = false

  const tell = (why: string | undefined): void => {
    if (why !== undefined && why !== trouble) log.warn('the TLS relay does not open', { port, why })
    trouble = why
    onTrouble?.(why)
  }

  const tryOpen = async (): Promise<void> => {
    try {
      const opened = await openTlsServer({ ...options, relay })
      if (ended) return opened.close()
      server = opened
      log.info('the TLS relay is open', { port: opened.port })
      tell(undefined)
    } catch (error) {
      tell(describeError(error))
    }
  }

  const look = (): void => {
    relay.sweep()
    timer = clock.after(SWEEP_MS, look)
    if (server === undefined) void tryOpen()
  }
  look()

  return {
    ...relay,
    port: () => server?.port,
    close() {
      ended = true
      timer?.cancel()
      relay.close()
      server?.close()
      onTrouble?.(undefined)
    },
  }
}
