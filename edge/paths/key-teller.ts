// Tells peers of this node's new key, outside all tunnels, under the key they know it by: at once by every way that is open, and
// again a few times, because a datagram may be lost; later along with whatever probe goes to a peer that has not answered
// under the new key yet. Who was away for long asks under the old key, and is answered with the word.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { FrameSocket } from './doors.ts'
import { openWays, type Pair } from './engine-pair.ts'
import type { PathTalk } from './path-talk.ts'

/** After the first time; a path that loses all of them is one that carries nothing else either. */
const AGAIN_MS = [100, 250, 600, 1_500, 4_000] as const

export interface KeyTeller {
  /** To everybody who was not heard under the present key. */
  tellAll(): void
  /** Beside a probe. */
  along(peer: WgKey, to: Endpoint): void
  stop(): void
}

export function createKeyTeller(
  clock: Clock,
  talk: Pick<PathTalk, 'tellKey'>,
  socket: Pick<FrameSocket, 'send'>,
  pairs: ReadonlyMap<WgKey, Pair>,
): KeyTeller {
  let timer: Timer | undefined

  const along: KeyTeller['along'] = (peer, to) => {
    const frame = talk.tellKey(peer)
    if (frame !== undefined) socket.send(frame, to)
  }

  const tell = (round: number): void => {
    for (const [peer, pair] of pairs) for (const endpoint of openWays(pair)) along(peer, endpoint)
    const nextMs = AGAIN_MS[round]
    timer = nextMs === undefined ? undefined : clock.after(nextMs, () => tell(round + 1))
  }

  return {
    tellAll() {
      timer?.cancel()
      tell(0)
    },
    along,
    stop: () => timer?.cancel(),
  }
}
