// TLS to a device that is known by its Ed25519 key, from a signed record: no authority, no name, no clock.

import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { HoldfastError } from '../errors.ts'
import { publicKeyObject } from './crypto.ts'
import { connectUnproven, type TlsTarget } from './pinned-tls.ts'

export interface DeviceTarget extends Omit<TlsTarget, 'serverName'> {
  /** 32 bytes, Ed25519. */
  readonly deviceKey: Uint8Array
}

function isSignedBy(leaf: X509Certificate | undefined, deviceKey: Uint8Array): boolean {
  try {
    return leaf?.verify(publicKeyObject(deviceKey)) === true
  } catch {
    return false
  }
}

/** Throws `untrusted` unless the certificate shown is signed by the device key. TLS 1.3 only: its exporter is sound. */
export async function connectDevice(target: DeviceTarget): Promise<TLSSocket> {
  // The address as name: nothing is sent as one.
  const socket = await connectUnproven({ ...target, serverName: target.host })
  const modern = socket.getProtocol() === 'TLSv1.3'
  if (modern && isSignedBy(socket.getPeerX509Certificate(), target.deviceKey)) return socket
  socket.destroy()
  throw new HoldfastError(
    'untrusted',
    `${target.host}:${target.port} ${modern ? 'does not hold the key of the device’s record' : 'speaks no TLS 1.3'}`,
    { remedy: 'Check for a proxy that opens TLS, or for another service at this port.' },
  )
}
