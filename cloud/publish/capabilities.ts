// Capabilities on request: only for a node that is enrolled and has its record in the set as it is signed now.

import type { BusMessage, Clock, Sha256, Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { parseRecord } from '../../shared/record/record.ts'
import { capabilityLifeMs, sealCapability } from '../../shared/wire/capability.ts'
import { encodeChunks, type SyncRequest } from '../../shared/wire/sync.ts'
import { topics } from '../../shared/wire/topics.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { NetworkState } from '../store/hub-store.ts'
import type { Publisher } from './publisher.ts'

export interface CapabilitiesOptions {
  readonly network: NetworkState
  readonly publisher: Pick<Publisher, 'version' | 'records'>
  readonly fleet: Pick<Fleet, 'enrolment'>
  readonly clock: Clock
  readonly signer: Signer
  readonly sha256: Sha256
  readonly deflate: (bytes: Uint8Array) => Uint8Array
}

export interface Capabilities {
  /** Throws `forbidden` for a node that is not approved, is disabled or has no record. */
  answer(node: NodeId, request: SyncRequest): readonly BusMessage[]
}

export function createCapabilities(options: CapabilitiesOptions): Capabilities {
  const { clock, deflate, fleet, network, publisher, sha256, signer } = options

  const issue = (node: NodeId): Uint8Array => {
    const enrolment = fleet.enrolment(node)
    const bytes = enrolment === undefined ? undefined : publisher.records.get(`node/${enrolment.name}`)
    const record = bytes === undefined ? undefined : parseRecord(bytes)
    if (record?.kind !== 'node' || record.body.nodeId !== node) {
      throw new HoldfastError('forbidden', 'a node without a record in the set is given no capability')
    }
    const issuedAt = Math.max(0, Math.floor(clock.now()))
    const { deviceKey } = record.body
    const { epoch, revision } = publisher.version
    const expiresAt = issuedAt + capabilityLifeMs
    return sealCapability(
      { network: network.id, node, deviceKey, epoch, revision, issuedAt, expiresAt },
      signer,
      sha256,
    )
  }

  return {
    answer(node, { id }) {
      const deflated = deflate(issue(node))
      const topic = topics.rsp(network.id, node)
      return encodeChunks('capability', id, deflated, sha256(deflated)).map((payload) => ({ topic, payload }))
    },
  }
}
