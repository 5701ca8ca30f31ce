// Where things lie in the state directory. One place, so that a bundle knows what is secret and a purge what is ours.

import { join } from 'node:path'

export const defaultStateDir = '/var/lib/holdfast'

export interface StateFiles {
  readonly directory: string
  readonly identity: string
  /** WireGuard private key, base64 as `wg genkey` prints it. Secret. */
  readonly wgKey: string
  /** Every WireGuard key this device still knows, with serials. Secret. */
  readonly wgKeys: string
  /** Ed25519 seed of the device key, base64. Secret. */
  readonly deviceKey: string
  /** Every device key this device has had of late, with serials and what proves them. Secret. */
  readonly deviceKeys: string
  readonly database: string
  /** Flows on record. */
  readonly flows: string
  /** The membership lock that is pinned. */
  readonly membershipLock: string
  /** The root key that is pinned, where the hub has rotated its own since this device joined. */
  readonly rootPin: string
  /** What closes the way out from power-on, where intent says so. */
  readonly exit: string
  readonly socket: string
  /** Held by the agent that runs. */
  readonly lock: string
}

export function stateFiles(directory: string): StateFiles {
  return {
    directory,
    identity: join(directory, 'identity.json'),
    wgKey: join(directory, 'wg.key'),
    wgKeys: join(directory, 'wg-keys.json'),
    deviceKey: join(directory, 'device.key'),
    deviceKeys: join(directory, 'device-keys.json'),
    database: join(directory, 'state.db'),
    flows: join(directory, 'flows.db'),
    exit: join(directory, 'exit.nft'),
    membershipLock: join(directory, 'membership-lock.json'),
    rootPin: join(directory, 'root-key.json'),
    socket: join(directory, 'agent.sock'),
    lock: join(directory, 'agent.lock'),
  }
}
