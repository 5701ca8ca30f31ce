// What a node says of itself while it is cut off: each cause by its name, no age that the clock can't know, and of what peers
// say only what is newer or fresh.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LinkTrouble } from '../../shared/effects.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { encodeState, parseState } from '../../shared/wire/gossip-state.ts'
import { hearsayOf, noHearsay } from '../gossip/hearsay.ts'
import { testDevice } from '../link/hub.fake.ts'
import { type LinkState, noLink } from '../link/hub-link.ts'
import { ageS, type CutOffSources, cutOff, heardOf, type WaitsFor, waitsFor } from './cut-off.ts'

const NOW = 1_800_000_000_000
const MINUTE_MS = 60_000
const [a, b, c] = ['a', 'b', 'c'].map((name, index) => testDevice(name, index + 1).nodeId)

function down(code: ErrorCode, trouble?: LinkTrouble): LinkState {
  return { ...noLink, failure: { reason: 'why', code, trouble, at: NOW, count: 3 } }
}

const causes: readonly (readonly [WaitsFor, LinkState, boolean | undefined])[] = [
  ['first-try', noLink, true],
  ['hub', { ...noLink, up: true }, true],
  ['credentials', down('unauthenticated'), true],
  ['credentials', down('forbidden'), true],
  ['hub-proof', down('untrusted'), true],
  ['default-route', down('unreachable', 'way'), false],
  ['default-route', down('unreachable', 'way'), undefined],
  ['hub-host', down('unreachable', 'way'), true],
  ['default-route', down('unreachable', 'name'), false],
  ['name-resolution', down('unreachable', 'name'), true],
  ['name-resolution', down('unreachable', 'name'), undefined],
  ['hub-port', down('unreachable', 'refused'), false],
  ['hub-host', down('unreachable', 'silent'), true],
  ['hub-host', down('unreachable'), undefined],
]
for (const [wanted, link, defaultRoute] of causes) {
  const { code, trouble } = link.failure ?? {}
  test(`${code ?? 'no failure'}, ${trouble ?? 'no trouble'}, default route ${defaultRoute}: ${wanted}`, () =>
    assert.is(waitsFor(link, defaultRoute), wanted))
}

test('an age is only told where the clock can know it', () => {
  assert.is(ageS(NOW - 90_500, NOW), 90)
  assert.is(ageS(NOW + 1_000, NOW), 0)
  assert.is(ageS(NOW, 0), undefined)
})

const names = new Map([
  [a, parseName('alpha')],
  [b, parseName('beta')],
])
const sources: CutOffSources = {
  since: NOW - 5_000,
  link: down('unreachable', 'name'),
  defaultRoute: true,
  peersReachable: 1,
  peersTotal: 2,
  relays: [b ?? ('' as never)],
  hearsay: noHearsay,
  nameOf: (node) => names.get(node),
}

test('nobody is cut off while the hub is there', () => {
  assert.is(cutOff({ ...sources, link: { ...noLink, up: true, hubOnline: true } }), undefined)
})

function known(version: number, online: boolean, heardAt: number) {
  const state = parseState(
    encodeState({
      version: { epoch: 1, revision: version },
      root: new Uint8Array(16),
      facts: new Uint8Array(16),
      online,
    }),
  )
  return { state, heardAt }
}

test('what peers say: the newest by whom it was said last, and who hears the hub, while that is fresh', () => {
  const at = 100 * MINUTE_MS
  const book = new Map([
    [a ?? ('' as never), known(7, true, at - MINUTE_MS)],
    [b ?? ('' as never), known(7, true, at - 2_500)],
    [c ?? ('' as never), known(6, true, at - 21 * MINUTE_MS)],
  ])
  const hearsay = hearsayOf(book, at)
  assert.is(hearsay.newest?.node, b)
  assert.equal(
    hearsay.hubBy.map(({ node }) => node),
    [b, a],
  )
  assert.equal(cutOff({ ...sources, hearsay }), {
    since: NOW - 5_000,
    peersReachable: 1,
    peersTotal: 2,
    waitsFor: 'name-resolution',
    relays: ['beta'],
    hubHeardBy: [
      { peer: 'beta', agoS: 2 },
      { peer: 'alpha', agoS: 60 },
    ],
  })
  const version = (revision: number) => ({ epoch: 1, revision })
  assert.equal(heardOf(hearsay, version(6), sources.nameOf), { version: version(7), peer: 'beta', agoS: 2 })
  assert.is(heardOf(hearsay, version(7), sources.nameOf), undefined)
  assert.is(heardOf(noHearsay, version(0), sources.nameOf), undefined)
})

test('who said nothing says nothing', () => {
  assert.equal(hearsayOf(new Map([[a ?? ('' as never), { state: undefined, heardAt: Number.NEGATIVE_INFINITY }]]), 0), {
    newest: undefined,
    hubBy: [],
  })
})

test.run()
