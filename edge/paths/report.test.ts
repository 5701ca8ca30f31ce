// Moments of the own clock become ages; what is not known is left out.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { parseName, parseNodeId } from '../../shared/ids.ts'
import type { CandidateView, PathView } from './path.ts'
import { pathReport } from './report.ts'

const RELAY = parseNodeId('rrrrrrrrrrrrrrrr')
const peer = { name: parseName('gate'), nodeId: parseNodeId('gggggggggggggggg'), natType: 'symmetric' } as const
const named = { endpoint: '192.0.2.1:1' as Endpoint, kind: 'direct', source: 'public', reason: 'why' } as const

function reportOf(candidates: readonly CandidateView[], nowMs: number) {
  const view: PathView = {
    mode: 'fast',
    decides: false,
    candidates,
    history: [
      { at: 1_000.4, what: 'first' },
      { at: 9_000, what: 'just now, by a clock that was read later' },
    ],
  }
  return pathReport(peer, view, () => parseName('berlin-1'), nowMs)
}

test('all that is known', () => {
  const candidate: CandidateView = {
    ...named,
    via: RELAY,
    state: 'held-down',
    inUse: false,
    rttMs: 12.5,
    loss: 0.25,
    lastAnswerAt: 2_000.6,
    lastProbeAt: 4_999.9,
    heldUntil: 5_000.1,
  }
  assert.equal(reportOf([candidate], 5_000), {
    ...peer,
    mode: 'fast',
    decides: false,
    candidates: [
      {
        ...named,
        via: 'berlin-1',
        state: 'held-down',
        inUse: false,
        rttMs: 12.5,
        loss: 0.25,
        lastAnswerAgeMs: 2_999,
        lastProbeAgeMs: 0,
        heldForMs: 1,
      },
    ],
    history: [
      { ageMs: 4_000, what: 'first' },
      { ageMs: 0, what: 'just now, by a clock that was read later' },
    ],
  })
})

test('what is not known is not there, and a hold-down that is over is none', () => {
  const candidate: CandidateView = { ...named, state: 'untried', inUse: true, heldUntil: 5_000 }
  assert.equal(reportOf([candidate], 5_000).candidates, [{ ...named, state: 'untried', inUse: true }])
})

test.run()
