// Carries MQTT that came by WebSocket to an outside broker, byte for byte: agents that may only use 443 reach it
// through the hub, and the broker alone judges their credentials.

import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Log } from '../../shared/effects.ts'
import type { MqttDoor } from './listener.ts'

export function createBridge(dial: () => Promise<Duplex>, log: Log): MqttDoor {
  let open = 0

  async function carry(stream: Duplex): Promise<void> {
    const broker = await dial()
    await pipeline(stream, broker, stream)
  }

  return {
    accept(stream, remote) {
      open += 1
      carry(stream)
        .catch((error: unknown) => log.debug('a bridged connection ended', { remote, why: String(error) }))
        .finally(() => {
          open -= 1
          stream.destroy()
        })
    },
    connections: () => open,
  }
}
