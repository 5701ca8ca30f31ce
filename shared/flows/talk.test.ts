// What counts as a talk: connections with words in them and answered questions; no scan, no reset, no silence.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Talk, talkOf } from './talk.ts'

type Case = readonly [
  what: string,
  protocol: number,
  sent: readonly [number, number],
  back: readonly [number, number],
  Talk,
]

/** Packets and bytes of single flows over IPv4, as captured. */
const cases: readonly Case[] = [
  ['a request over HTTP', 6, [6, 60 + 4 * 52 + 130], [4, 60 + 52 + 52 + 400], 'talk'],
  ['a request of a few bytes, in a connection closed by a reset', 6, [5, 60 + 3 * 52 + 40 + 70], [2, 60 + 60], 'talk'],
  ['polling without timestamps, a few bytes each time', 6, [200, 200 * 46], [200, 4 + 200 * 47], 'talk'],
  ['an upload that was open before, acknowledged by bare headers', 6, [900, 900 * 1_400], [450, 450 * 40], 'talk'],
  ['SYN and nothing', 6, [3, 180], [0, 0], 'one-sided'],
  ['SYN and a reset', 6, [1, 60], [1, 40], 'one-sided'],
  ['SYN, again and again, and resets', 6, [50, 3_000], [50, 2_000], 'one-sided'],
  ['a scan by SYN of an open port', 6, [2, 44 + 40], [1, 44], 'one-sided'],
  ['a scan by connecting to an open port, closed at once', 6, [4, 60 + 3 * 52], [3, 60 + 2 * 52], 'one-sided'],
  ['a question over UDP, and its answer', 17, [1, 60], [1, 76], 'talk'],
  ['a question over UDP to a port where nobody listens', 17, [1, 60], [1, 88], 'refusal'],
  ['several of them', 17, [3, 180], [2, 176], 'refusal'],
  ['telemetry that nobody answers', 17, [500, 50_000], [0, 0], 'one-sided'],
  ['an echo, and its reply', 1, [1, 84], [1, 84], 'talk'],
  ['an echo without reply', 1, [1, 84], [0, 0], 'one-sided'],
  ['GRE both ways', 47, [9, 900], [9, 900], 'talk'],
]

for (const [what, protocol, [sentPackets, sentBytes], [backPackets, backBytes], wanted] of cases) {
  test(what, () => {
    const sent = { packets: sentPackets, bytes: sentBytes }
    const back = { packets: backPackets, bytes: backBytes }
    assert.is(talkOf({ protocol, v6: false, flows: 1, sent, back }), wanted)
    // A thousand alike in one record are no more and no less.
    const times = (one: typeof sent): typeof sent => ({ packets: one.packets * 1_000, bytes: one.bytes * 1_000 })
    if (protocol !== 6) return
    assert.is(talkOf({ protocol, v6: false, flows: 1_000, sent: times(sent), back: times(back) }), wanted)
  })
}

test('over IPv6 headers are longer by twenty bytes, and so are errors', () => {
  const counted = (packets: number, bytes: number): { packets: number; bytes: number } => ({ packets, bytes })
  const of = { v6: true, flows: 1 }
  assert.is(talkOf({ ...of, protocol: 6, sent: counted(4, 80 + 3 * 72), back: counted(3, 80 + 144) }), 'one-sided')
  assert.is(talkOf({ ...of, protocol: 6, sent: counted(4, 80 + 3 * 72 + 30), back: counted(3, 80 + 144) }), 'talk')
  assert.is(talkOf({ ...of, protocol: 17, sent: counted(1, 80), back: counted(1, 128) }), 'refusal')
})

test.run()
