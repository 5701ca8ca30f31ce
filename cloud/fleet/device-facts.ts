// What a device says of itself: believed under the device key that is known of it, and newest kept.

import type { Sha256, Verify } from '../../shared/effects.ts'
import { type Fact, isNewerFact, readFact } from '../../shared/fact/fact.ts'
import type { NodeId } from '../../shared/ids.ts'
import { type DeviceLink, splitLed } from '../../shared/record/device-link.ts'
import { envelopeKeyId } from '../../shared/record/envelope.ts'
import type { Device } from './device.ts'

/** What the device signed; the links in front of it, which may lead to who it is now, are handed on first. */
export function unled(
  node: NodeId,
  payload: Uint8Array,
  { onLinks }: { readonly onLinks: (node: NodeId, links: readonly DeviceLink[]) => void },
): Uint8Array {
  const { envelope, links } = splitLed(payload)
  if (links.length > 0) onLinks(node, links)
  return envelope
}

/** Throws where it is not what the device signed. */
export function openWord(
  { enrolment }: Pick<Device, 'enrolment'>,
  envelope: Uint8Array,
  { sha256, verify }: { readonly sha256: Sha256; readonly verify: Verify },
): ReturnType<typeof readFact> {
  return readFact(envelope, enrolment.nodeId, enrolment.deviceKey, verify, sha256)
}

/** True if it replaces what is held. What a former key said is outranked, however far it had counted. */
export function isNewerWord(fact: Fact, envelope: Uint8Array, { fact: known, word }: Device): boolean {
  const held = word.fact
  const succeeds = held !== undefined && envelopeKeyId(splitLed(held).envelope) !== envelopeKeyId(envelope)
  return succeeds || isNewerFact(fact, known)
}
