// Who watches the paths of this node after each turn.

import type { AgentOptions } from '../agent.ts'
import { createOwnQuality, type OwnQuality, type QualitySources } from '../uplinks/own-quality.ts'
import { createPeerHistories, type HistorySources, type PeerHistories } from './peer-history.ts'

interface Looks {
  readonly quality: OwnQuality
  readonly histories: PeerHistories
  /** After each turn. */
  look(): void
}

export function openLooks(options: AgentOptions, sources: QualitySources & HistorySources): Looks {
  const quality = createOwnQuality(options, sources)
  const histories = createPeerHistories(sources)
  const look = (): void => {
    quality.look()
    histories.look()
  }
  return { quality, histories, look }
}
