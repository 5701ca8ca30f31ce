// The relay of a member: open while its record offers one, at the port the record names. What is bound when it closes or
// its process ends is forwarded on by the kernel until it is taken away or opened again.

import type { Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { OpenedRelay } from './open-relay.ts'

export interface OwnRelayOptions {
  readonly open: (port: number) => Promise<OpenedRelay>
  readonly log: Log
  /** Why the relay that is wanted is not open; undefined once nothing stands in its way. */
  readonly onTrouble: (why: string | undefined) => void
}

export interface OwnRelay {
  /** Called at every turn; tries again what failed. `port`: undefined where the record offers no relay. */
  follow(port: number | undefined): void
  metrics(): ReturnType<OpenedRelay['metrics']> | undefined
  close(): void
}

export function createOwnRelay({ log, onTrouble, open }: OwnRelayOptions): OwnRelay {
  let opened: OpenedRelay | undefined
  let opening = false
  let wanted: number | undefined

  const shut = (): void => {
    opened?.close()
    opened = undefined
  }

  const start = async (port: number): Promise<void> => {
    opening = true
    try {
      const relay = await open(port)
      // The record may have changed meanwhile.
      if (wanted === port) opened = relay
      else relay.close()
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
    follow(port) {
      wanted = port
      if (opened !== undefined && opened.port !== port) shut()
      if (port === undefined) onTrouble(undefined)
      else if (opened === undefined && !opening) void start(port)
    },
    metrics: () => opened?.metrics(),
    close() {
      wanted = undefined
      shut()
    },
  }
}
