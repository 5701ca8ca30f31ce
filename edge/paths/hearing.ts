// What comes in on the port that the engine shares with WireGuard, and what each word means for the peer it is of.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Anew } from './anew.ts'
import { isNamed, type Pair } from './engine-pair.ts'
import { type Greeting, greetingProbe } from './greeting.ts'
import type { PathEvent } from './path.ts'
import type { PathEngineOptions } from './path-engine.ts'
import type { Heard } from './path-talk.ts'
import type { Rest } from './rest.ts'
import type { Ways } from './ways.ts'

export interface HearingOptions
  extends Pick<PathEngineOptions, 'talk' | 'socket' | 'sizes' | 'onHeard' | 'onKey'>,
    Pick<Ways, 'candidates' | 'noteSight' | 'outlook' | 'relays'> {
  readonly byKey: ReadonlyMap<WgKey, Pair>
  readonly greet: Greeting
  readonly rest: Pick<Rest, 'flush'>
  readonly anew: Pick<Anew, 'called'>
  readonly tell: (pair: Pair, event: PathEvent) => void
}

export function createHearing(options: HearingOptions): (bytes: Uint8Array, from: Endpoint) => void {
  const { anew, byKey, candidates, greet, noteSight, onHeard, onKey, outlook } = options
  const { relays, rest, sizes, socket, talk, tell } = options

  const hearPing = (pair: Pair, { known, peer, reply }: Heard & { type: 'ping' }, from: Endpoint): void => {
    const expected = known || isNamed(pair, from)
    if (!expected && greet(peer, from)) return
    socket.send(reply, from)
    if (expected) tell(pair, { type: 'asked', ...candidates.place(from) })
  }

  const hearPong = (pair: Pair, heard: Heard & { type: 'pong' }, from: Endpoint): void => {
    onHeard?.(from)
    if (!candidates.isLocal(from) && candidates.viaOf(from) === undefined) noteSight(from, heard.seenAs)
    pair.entry.rttMs = heard.rttMs
    if (sizes?.heard(heard.peer, from, heard.probe, heard.rttMs) === true) return
    if (heard.probe === greetingProbe) return tell(pair, { type: 'asked', ...candidates.place(from) })
    rest.flush(pair, from)
    tell(pair, { type: 'answered', endpoint: from, probe: heard.probe, rttMs: heard.rttMs })
  }

  return (bytes, from) => {
    if (relays.receive(bytes, from) || outlook.receive(bytes, from)) return onHeard?.(from)
    const heard = talk.receive(bytes, from)
    const pair = heard === undefined ? undefined : byKey.get(heard.peer)
    if (heard === undefined || pair === undefined) return
    switch (heard.type) {
      case 'ping':
        return hearPing(pair, heard, from)
      case 'pong':
        return hearPong(pair, heard, from)
      case 'stale':
        return socket.send(heard.reply, from)
      case 'key':
        return onKey?.(pair.node, heard.statement)
      case 'call':
        tell(pair, { type: 'called' })
        anew.called(pair)
        if (heard.at !== undefined && candidates.leadsOut(heard.at))
          tell(pair, { type: 'asked', ...candidates.place(heard.at) })
    }
  }
}
