// The two private keys of a device. Made once, before anything is said to a hub, and never leaving the device.

import { rmSync } from 'node:fs'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import {
  generateSigningSeed,
  generateWgPrivateKey,
  sha256,
  sharedSecretWith,
  signerFromSeed,
  wgPublicKey,
} from '../../shared/host/crypto.ts'
import { makePrivateDirectory, readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { type DeviceKey, type NodeId, parseDeviceKey, parseNodeId, type WgKey } from '../../shared/ids.ts'
import { nodeIdOf } from '../../shared/record/device-link.ts'
import { readDeviceFiles } from '../host/device-files.ts'
import type { StateFiles } from '../host/files.ts'
import { linksTo } from '../keys/device-ring.ts'

export interface DeviceKeys {
  readonly wgKey: WgKey
  readonly deviceKey: DeviceKey
  /** Of the first key that this device had. */
  readonly nodeId: NodeId
  /** What leads to the key of `signer`, base64; none where that is the first. */
  readonly links: readonly string[]
  /** Every device key it is known to have had, the present one first. */
  readonly deviceKeys: readonly DeviceKey[]
  readonly signer: Signer
  /** What the WireGuard key shares with a peer's (X25519), 32 bytes. */
  readonly sharedWith: (peer: WgKey) => Uint8Array
}

function readKey<T>(path: string, parse: (text: string) => T): T | undefined {
  const text = readIfThere(path)?.trim()
  if (text === undefined) return undefined
  try {
    return parse(text)
  } catch (cause) {
    throw new HoldfastError('corrupt', `${path} does not hold a private key`, {
      cause,
      remedy: 'Bring it back from a backup. If there is none, run `holdfast leave --purge` and join again.',
    })
  }
}

/** The keys that are there; undefined where the device never joined. */
export function loadKeys(files: StateFiles): DeviceKeys | undefined {
  const wgKey = readKey(files.wgKey, wgPublicKey)
  const signer = readKey(files.deviceKey, (text) => signerFromSeed(fromBase64(text)))
  const sharedWith = readKey(files.wgKey, sharedSecretWith)
  if (wgKey === undefined || signer === undefined || sharedWith === undefined) return undefined
  const deviceKey = parseDeviceKey(toBase64(signer.publicKey))
  const ring = readDeviceFiles(files)
  const nodeId = parseNodeId(nodeIdOf(ring?.first ?? deviceKey, sha256))
  const deviceKeys = ring === undefined ? [deviceKey] : [ring.current, ...ring.former].map(({ key }) => key)
  return { wgKey, deviceKey, deviceKeys, signer, sharedWith, nodeId, links: ring === undefined ? [] : linksTo(ring) }
}

/** As `loadKeys`, making what is missing: an interrupted join goes on with the keys the hub may already know. */
export function ensureKeys(files: StateFiles): DeviceKeys {
  makePrivateDirectory(files.directory)
  // Who joins is known by the key that he shows; what came before it was another membership’s.
  rmSync(files.deviceKeys, { force: true })
  if (readKey(files.wgKey, wgPublicKey) === undefined) writeAtomic(files.wgKey, `${generateWgPrivateKey()}\n`)
  if (readKey(files.deviceKey, (text) => signerFromSeed(fromBase64(text))) === undefined) {
    writeAtomic(files.deviceKey, `${toBase64(generateSigningSeed())}\n`)
  }
  const keys = loadKeys(files)
  if (keys === undefined)
    throw new HoldfastError('corrupt', `the keys in ${files.directory} do not read back as written`)
  return keys
}
