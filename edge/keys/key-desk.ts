// What people ask of this device's key, and what they are told: how it stands, and who was met under it.

import type { Clock } from '../../shared/effects.ts'
import type { Name, WgKey } from '../../shared/ids.ts'
import type { Agent, KeysReport } from '../agent.ts'
import type { Chooser } from '../paths/chooser.ts'
import type { ModeKeeper } from '../report/mode.ts'
import type { PeerBook } from '../report/peers.ts'
import type { OwnDevice } from './own-device.ts'
import type { KeyStatus, OwnKey } from './own-key.ts'

export interface KeyDeskParts {
  readonly clock: Clock
  readonly node: Name
  readonly mode: Pick<ModeKeeper, 'now'>
  readonly ownKey: OwnKey
  readonly ownDevice: OwnDevice
  readonly peers: Pick<PeerBook, 'entries'>
  readonly paths: Pick<Chooser, 'tellKey'>
}

export interface KeyDesk {
  readonly people: Pick<Agent, 'keys' | 'rotateKey' | 'rotateDeviceKey' | 'forgetKeys'>
  /** After a turn: the key that WireGuard has by now. */
  look(inKernel: WgKey | undefined): void
}

/** A turn on a busy Raspberry Pi takes a second or two; a kernel that refuses says so in health. */
const PROGRAMMED_MS_MAX = 15_000

/** `onKey`: this device goes by another key; a turn brings it to WireGuard. */
export function createKeyDesk(parts: KeyDeskParts, onKey: () => void): KeyDesk {
  const { clock, mode, node, ownDevice, ownKey, paths, peers } = parts
  const waiting = new Set<() => void>()

  const report = (status: KeyStatus): KeysReport => {
    // WireGuard tells handshakes by the second.
    const since = Math.floor((status.madeAt ?? 1) / 1_000) * 1_000
    const unmet = peers.entries.filter(({ handshakeAt }) => handshakeAt === 0 || handshakeAt < since)
    return {
      ...status,
      device: ownDevice.status(),
      node,
      online: mode.now().mode === 'online',
      met: peers.entries.length - unmet.length,
      peers: peers.entries.length,
      unmet: unmet.map(({ member }) => member.name),
    }
  }

  const settled = (): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        waiting.delete(done)
        resolve()
      }
      const timer = clock.after(PROGRAMMED_MS_MAX, done)
      waiting.add(done)
    })

  return {
    people: {
      keys: () => report(ownKey.status()),
      async rotateKey() {
        if (!ownKey.rotate()) {
          onKey()
          return report(ownKey.status())
        }
        const done = settled()
        onKey()
        await done
        return report(ownKey.status())
      },
      rotateDeviceKey() {
        ownDevice.rotate()
        onKey()
        return report(ownKey.status())
      },
      forgetKeys: () => report(ownKey.forget()),
    },
    look(inKernel) {
      ownDevice.look()
      if (inKernel !== ownKey.wgKey()) return
      for (const done of waiting) done()
      // Only now: who turned to the key before WireGuard has it would find nobody.
      if (ownKey.programmed()) paths.tellKey()
    },
  }
}
