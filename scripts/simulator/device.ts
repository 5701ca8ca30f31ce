// A device without a machine: its keys, and what a hub makes of them at enrolment.

import type { Hub } from '../../cloud/hub.ts'
import { openFirstSnapshot } from '../../edge/enrol/first-snapshot.ts'
import type { Identity } from '../../edge/identity.ts'
import type { SetChange } from '../../edge/store/store.ts'
import { fromBase64, toBase64, toBase64Url } from '../../shared/bytes.ts'
import type { Entropy, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed, wgPublicKey } from '../../shared/host/crypto.ts'
import { base32, type Name, type NodeId, parseDeviceKey, parseName, parseNodeId, type WgKey } from '../../shared/ids.ts'
import { type EnrolReply, enrolProofBytes, parseJoinToken } from '../../shared/wire/enrol.ts'

export interface Device {
  readonly name: Name
  readonly nodeId: NodeId
  readonly wgKey: WgKey
  readonly signer: Signer
}

export interface Enrolled {
  readonly identity: Identity
  readonly firstSet: SetChange
}

export function deviceFromSeed(name: string, seed: Uint8Array): Device {
  const signer = signerFromSeed(seed)
  const wgSeed = sha256(seed)
  return {
    name: parseName(name),
    nodeId: parseNodeId(base32(sha256(signer.publicKey), 16)),
    wgKey: wgPublicKey(toBase64(wgSeed)),
    signer,
  }
}

export function randomDevice(name: string, entropy: Entropy): Device {
  return deviceFromSeed(name, entropy.bytes(32))
}

/** Enrols at a hub in the same process; the token must approve by itself. */
export async function enrol(hub: Pick<Hub, 'enrol' | 'anchor'>, token: string, device: Device): Promise<Enrolled> {
  const secret = parseJoinToken(token)
  const unsigned = {
    tokenId: secret.id,
    name: device.name,
    labels: {},
    wgKey: device.wgKey,
    deviceKey: parseDeviceKey(toBase64(device.signer.publicKey)),
  }
  const proof = toBase64(device.signer.sign(enrolProofBytes(unsigned, secret.pin)))
  const reply: EnrolReply = await hub.enrol({ ...unsigned, secret: toBase64Url(secret.secret), proof })
  if (reply.state !== 'enrolled') throw new HoldfastError('failed', `${device.name} waits for approval`)
  const anchor = hub.anchor()
  const { url, username, password, tlsAuthority } = reply.broker
  const identity: Identity = {
    nodeId: reply.nodeId,
    name: reply.name,
    network: reply.network,
    hubUrl: 'https://127.0.0.1',
    anchor,
    keys: reply.keys,
    broker: {
      urls: [url],
      username,
      password,
      ...(tlsAuthority === undefined ? {} : { tlsAuthority }),
    },
  }
  return { identity, firstSet: openFirstSnapshot(identity, fromBase64(reply.snapshot)).change }
}

/** The authority that the broker's certificate must come from, DER. */
export function brokerAuthority(identity: Identity): Uint8Array {
  return fromBase64(identity.broker.tlsAuthority ?? identity.anchor.tlsAuthority)
}
