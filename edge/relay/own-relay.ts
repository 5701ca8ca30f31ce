// The relay of a member: open while its record offers one, at the port the record names. What is bound when it closes or
// its process ends is forwarded on by the kernel until it is taken away or opened again.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { OpenedRelay } from './open-relay.ts'

export interface OwnRelayOptions {
  readonly open: (port: number, tlsPort: number | undefined) => Promise<OpenedRelay>
  readonly log: Log
  /** Why the relay that is wanted is not open; undefined once nothing stands in its way. */
  readonly onTrouble: (why: string | undefined) => void
}

export interface OwnRelay {
  /** Called at every turn; tries again what failed. `port`: undefined where the record offers no relay. */
  follow(port: number | undefined, tlsPort?: number): void
  /** Where peers that come here by TLS seem to be for WireGuard, by node. */
  local(): ReadonlyMap<NodeId, Endpoint>
  /** Tells the node, if it is here by TLS, that this one wants to talk. */
  call(node: NodeId): void
  metrics(): ReturnType<OpenedRelay['metrics']> | undefined
  close(): void
}

export function createOwnRelay({ log, onTrouble, open }: OwnRelayOptions): OwnRelay {
  let opened: OpenedRelay | undefined
  let opening = false
  let wanted: number | undefined
  let wantedTls: number | undefined
  let openedTls: number | undefined

  const shut = (): void => {
    opened?.close()
    opened = undefined
  }

  const start = async (port: number): Promise<void> => {
    opening = true
    try {
      const tlsPort = wantedTls
      const relay = await open(port, tlsPort)
      // The record may have changed meanwhile.
      if (wanted === port && wantedTls === tlsPort) {
        opened = relay
        openedTls = tlsPort
      } else relay.close()
      onTrouble(undefined)
    } catch (error) {
      const why = describeError(error)
      log.warn('the relay does not open', { port, why })
      if (wanted === port) onTrouble(why)
    } finally {
      opening = false
    }
  }

  return {
    follow(port, tlsPort) {
      wanted = port
      wantedTls = tlsPort
      if (opened !== undefined && (opened.port !== port || openedTls !== tlsPort)) shut()
      if (port === undefined) onTrouble(undefined)
      else if (opened === undefined && !opening) void start(port)
      // Who was removed, or may no longer be carried, by what came into force with this turn.
      opened?.sweep()
    },
    local: () => opened?.local() ?? new Map<NodeId, Endpoint>(),
    call: (node) => opened?.call(node),
    metrics: () => opened?.metrics(),
    close() {
      wanted = undefined
      shut()
    },
  }
}
