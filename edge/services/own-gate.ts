// What leads connections by names, where anything is to be led: it is there from the first such listener on, and gone after the
// last.

import { describeError } from '../../shared/errors.ts'
import type { GateListener } from '../gate/listener.ts'
import type { GateLed } from '../gate/told.ts'
import type { GateDoor, ServiceDoors } from './doors.ts'

export interface OwnGate {
  /** For whom it asked lately; nobody while there is none. */
  led(): readonly GateLed[]
  follow(listeners: readonly GateListener[]): void
  close(): void
}

/** `onFault`: it can't be started; it is tried anew with the next change. */
export function createOwnGate(open: ServiceDoors['openGate'], onFault: (detail: string) => void): OwnGate {
  let told = '[]'
  let wanted: readonly GateListener[] = []
  let gate: GateDoor | undefined
  let opening = false
  let closed = false

  const drop = (): void => {
    gate?.close()
    gate = undefined
  }

  const start = async (): Promise<void> => {
    opening = true
    try {
      gate = await open?.()
      if (closed || wanted.length === 0) drop()
      else gate?.set(wanted)
    } catch (error) {
      onFault(describeError(error))
    } finally {
      opening = false
    }
  }

  return {
    led: () => gate?.led() ?? [],
    follow(listeners) {
      const text = JSON.stringify(listeners)
      if (text === told) return
      told = text
      wanted = listeners
      if (listeners.length === 0) drop()
      else if (gate !== undefined) gate.set(listeners)
      else if (!opening) void start()
    },
    close() {
      closed = true
      drop()
    },
  }
}
