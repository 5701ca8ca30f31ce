// A network on its way to other addresses, for people at a device: at which step it is, and what a device waits for that may have
// missed the end of it.

import type { AgentStatus } from '../agent.ts'
import type { RenumberingStatus } from '../report/renumbering.ts'
import { ageText } from './words.ts'

/** A word through a tunnel that rests is answered within a handshake and its repetition; several times that. */
const SILENT_MS_MIN = 30_000

const and = (blocks: readonly string[]): string => blocks.join(' and ')

function standing({ besides, inUse, step }: RenumberingStatus): string {
  const [used, other] = [and(inUse), and(besides)]
  switch (step) {
    case 'Prepare':
      return `step Prepare: ${used} is in use, and every node gets an address in ${other} besides; next is the switch to it`
    case 'Switch':
      return `step Switch: ${used} is in use, and addresses in ${other} are still answered; next is the finish, which lets these go`
    case 'Return':
      return `step Return: back to ${used}, and addresses in ${other} are still answered; next is the finish, which lets these go`
    default:
      return `under way: ${used} is in use, and every node has an address in ${other} besides`
  }
}

/** Nothing where the network keeps its addresses. */
export function renumberLines({ cutOff, renumbering }: Pick<AgentStatus, 'cutOff' | 'renumbering'>): readonly string[] {
  if (renumbering === undefined) return []
  const by = cutOff === undefined ? '' : '; the hub is away, so that a peer has to tell of it'
  return [`renumber  ${standing(renumbering)}${by}`]
}

/**
 * Without the hub: ways to peers stand and nobody answers at its address in the mesh, as it is for a device that slept through
 * all of a renumbering. It can't know that, so that this is said with an if.
 */
export function silenceLines(
  { addresses, cutOff, gossip, revision }: Pick<AgentStatus, 'addresses' | 'cutOff' | 'gossip' | 'revision'>,
  nowMs: number,
): readonly string[] {
  const { silentSince } = gossip
  if (cutOff === undefined || cutOff.peersReachable === 0 || silentSince === undefined) return []
  const silentMs = nowMs - silentSince
  if (silentMs < SILENT_MS_MIN) return []
  const held = `revision ${revision.held.revision}`
  return [
    `silence   ways to ${cutOff.peersReachable} of ${cutOff.peersTotal} peers stand, and none answers at its address in the mesh for ${ageText(silentMs / 1_000)}:`,
    `          if the network has left the addresses of ${held} (here ${addresses.join(' ') || 'none'}), this node waits for the hub, or`,
    '          for a neighbour in its LAN, to bring the newer ones',
  ]
}
