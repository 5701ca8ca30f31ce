// New credentials for the broker, for a proof that the asker holds its key: of devices, and of agents of clusters.

import { fromBase64, toBase64 } from '../bytes.ts'
import type { Signer } from '../effects.ts'
import type { NodeId } from '../ids.ts'
import { parseWith } from '../intent/resource.ts'
import { type Anchor, anchorPin, type BrokerLogIn } from '../wire/enrol.ts'
import { challengeSchema, renewProofBytes, renewReplySchema } from '../wire/renew.ts'
import { sha256 } from './crypto.ts'
import { accepted, type HubContact, pinned } from './hub-anchor.ts'
import { requestPinned } from './pinned-http.ts'

export interface Prover {
  readonly anchor: Anchor
  readonly nodeId: NodeId
  readonly signer: Signer
  /** Of the body, beside the proof. */
  readonly more?: object
}

/** `at`: where a challenge is asked for, and where it is answered. Throws `forbidden` for who is not known. */
export async function proveForLogIn(
  contact: HubContact,
  { anchor, more, nodeId, signer }: Prover,
  at: { readonly challenge: string; readonly renew: string },
): Promise<BrokerLogIn> {
  const to = pinned(contact, anchor)
  const asked = await requestPinned({ ...to, method: 'GET', path: `${at.challenge}/${nodeId}` })
  const { challenge } = parseWith(challengeSchema, accepted(asked, contact.hub))
  const proof = toBase64(signer.sign(renewProofBytes(nodeId, fromBase64(challenge), anchorPin(anchor, sha256))))
  const body = { nodeId, challenge, proof, ...more }
  const answer = await requestPinned({ ...to, method: 'POST', path: at.renew, body })
  return parseWith(renewReplySchema, accepted(answer, contact.hub)).broker
}
