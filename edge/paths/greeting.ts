// Somebody has the peer's key and comes from where nobody named it: the peer after a start, or an old frame of it played
// again. It is asked instead of answered, so that never more than one frame of the same size goes to where a frame claims to
// be from; whoever answers is there.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
import type { WgKey } from '../../shared/ids.ts'
import { pathGreetedMax } from '../../shared/limits.ts'
import type { FrameSocket } from './doors.ts'
import type { PathTalk } from './path-talk.ts'

/** Number of the probe that asks; those of controllers begin at 1. */
export const greetingProbe = 0
/** To one peer; in between it is answered as usual. */
const GREET_MS = 1_000

/** False where it was asked just now. */
export type Greeting = (peer: WgKey, from: Endpoint) => boolean

export function createGreeting(
  clock: Clock,
  talk: Pick<PathTalk, 'ping'>,
  socket: Pick<FrameSocket, 'send'>,
): Greeting {
  const greetedAt = new Map<WgKey, number>()
  return (peer, from) => {
    const now = clock.monotonic()
    if (now - (greetedAt.get(peer) ?? Number.NEGATIVE_INFINITY) < GREET_MS) return false
    greetedAt.delete(peer)
    greetedAt.set(peer, now)
    const [oldest] = greetedAt.keys()
    if (greetedAt.size > pathGreetedMax && oldest !== undefined) greetedAt.delete(oldest)
    socket.send(talk.ping(peer, greetingProbe, from), from)
    return true
  }
}
