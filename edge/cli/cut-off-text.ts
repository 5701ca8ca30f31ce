// What a node without its hub waits for, when it tries again, and by whom newer intent would come meanwhile, for people.

import type { AgentStatus } from '../agent.ts'
import type { CutOff, WaitsFor } from '../report/cut-off.ts'
import { ageText } from './words.ts'

const MISSING: Readonly<Record<WaitsFor, string>> = {
  'first-try': 'the first try to end',
  'default-route': 'a default route: no way leads out of this host',
  'name-resolution': 'a name server: the hub’s name is not resolved',
  'hub-host': 'an answer from the hub’s address',
  'hub-port': 'the hub to run: its host answers, and nobody listens there',
  'hub-proof': 'a hub that proves itself: somebody else answers at its address',
  credentials: 'the hub to give new credentials: its broker refuses these',
  hub: 'the hub itself: its broker is connected',
}

function triesText({ failure, nextTryInS }: AgentStatus['hub'], nowMs: number): string {
  const next = nextTryInS === undefined ? 'trying now' : `next try in ${ageText(nextTryInS)}`
  if (failure === undefined) return next
  const ago = failure.at > nowMs ? '' : `, last ${ageText((nowMs - failure.at) / 1_000)} ago`
  return `${failure.count} in a row failed${ago}, ${next}`
}

function meanwhileText({ hubHeardBy, peersReachable, peersTotal, relays }: CutOff): string {
  if (peersTotal === 0) return 'no peer is known that could bring newer intent'
  const [first] = hubHeardBy
  const heard = hubHeardBy.map(({ peer, agoS }) => `${peer} (${ageText(agoS)} ago)`).join(', ')
  const by = relays.length === 0 ? 'no relay' : `relays ${relays.join(', ')}`
  const hub = first === undefined ? 'none says that it hears the hub' : `the hub is heard by ${heard}`
  return `${peersReachable} of ${peersTotal} peers and ${by} answer; ${hub}`
}

/** Nothing while the hub is there. */
export function cutOffLines({ cutOff, hub }: AgentStatus, nowMs: number): readonly string[] {
  if (cutOff === undefined) return []
  const why = hub.failure === undefined ? [] : [`          ${hub.failure.reason.slice(0, 300)}`]
  const tries = cutOff.waitsFor === 'hub' ? '' : `; ${triesText(hub, nowMs)}`
  return [
    `cut off   waits for ${MISSING[cutOff.waitsFor]}${tries}`,
    ...why,
    `          meanwhile: ${meanwhileText(cutOff)}`,
  ]
}
