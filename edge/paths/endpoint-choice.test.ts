// Candidates take turns until somebody answers, and never while somebody does.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { chooseEndpoint, type Search } from './endpoint-choice.ts'

const A = '192.0.2.1:51820' as Endpoint
const B = '192.0.2.2:51820' as Endpoint
const C = '192.0.2.3:51820' as Endpoint
const WALL = 1_700_000_000_000

function turns(handshakeAt: (ms: number) => number, seconds: number): readonly (Endpoint | undefined)[] {
  let search: Search | undefined
  const out: (Endpoint | undefined)[] = []
  for (let ms = 0; ms < seconds * 1_000; ms += 2_000) {
    const choice = chooseEndpoint({
      candidates: [A, B, C],
      observed: { handshakeAt: handshakeAt(ms) },
      search,
      now: WALL + ms,
      monotonic: ms,
    })
    search = choice.search
    out.push(choice.endpoint)
  }
  return out
}

test('while nobody answers, each candidate has its six seconds', () => {
  assert.equal(
    turns(() => 0, 20),
    [A, A, A, B, B, B, C, C, C, A],
  )
})

test('who answers is left alone, and searched for anew once silent for 150 s', () => {
  const choices = turns(() => WALL, 154)
  assert.is(
    choices.findIndex((endpoint) => endpoint !== undefined),
    75,
  )
})

test('a peer without candidates keeps what WireGuard knows', () => {
  assert.equal(chooseEndpoint({ candidates: [], observed: undefined, search: undefined, now: WALL, monotonic: 0 }), {})
})

test('every candidate is tried within one round, wherever the search stands', () => {
  fc.assert(
    fc.property(fc.nat(1_000), (turn) => {
      let search: Search = { turn, turnedAt: 0 }
      const seen = new Set<Endpoint | undefined>()
      for (let ms = 0; ms <= 18_000; ms += 1_000) {
        const observed = { handshakeAt: 0 }
        const choice = chooseEndpoint({ candidates: [A, B, C], observed, search, now: WALL, monotonic: ms })
        seen.add(choice.endpoint)
        search = choice.search ?? search
      }
      assert.is(seen.size, 3)
    }),
  )
})

test.run()
