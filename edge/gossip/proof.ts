// How a caller on the LAN proves which node it is: its device key signs what only this TLS connection has (RFC 8446 §7.5), so
// that nobody in between can pass it on. The one who is called proves itself by its certificate.
//
//   0–15   node id
//   16–79  Ed25519 signature

import { concat, fromBase64, utf8 } from '../../shared/bytes.ts'
import type { Signer, Verify } from '../../shared/effects.ts'
import type { DeviceKey, NetworkId, NodeId } from '../../shared/ids.ts'
import { nodeIdBytes, readNodeId } from '../../shared/wire/frames.ts'

export const proofBytes = nodeIdBytes + 64
export const gossipProtocol = 'holdfast-gossip/1'
export const exporterLabel = 'EXPORTER-holdfast-gossip'
export const exporterBytes = 32

function signedBytes(network: NetworkId, node: NodeId, exported: Uint8Array): Uint8Array {
  return concat(utf8(`holdfast/gossip/1\0${network} ${node}\0`), exported)
}

export function makeProof(network: NetworkId, node: NodeId, signer: Signer, exported: Uint8Array): Uint8Array {
  return concat(utf8(node), signer.sign(signedBytes(network, node, exported)))
}

/** The node that the proof proves; undefined for everybody else. */
export function openProof(
  network: NetworkId,
  proof: Uint8Array,
  exported: Uint8Array,
  keyOf: (node: NodeId) => DeviceKey | undefined,
  verify: Verify,
): NodeId | undefined {
  const node = proof.length === proofBytes ? readNodeId(proof) : undefined
  const key = node === undefined ? undefined : keyOf(node)
  if (node === undefined || key === undefined) return undefined
  const fine = verify(fromBase64(key), signedBytes(network, node, exported), proof.subarray(nodeIdBytes))
  return fine ? node : undefined
}
