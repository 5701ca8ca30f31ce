// The search finds what a path carries, whatever that is, with few probes; and neither loss nor a dead path is taken for a
// small one.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  askSize,
  newSizeSearch,
  noteSizeAnswer,
  type SizeProbe,
  type SizeSearch,
  sendSizes,
  sizeDueAt,
  sizeMin,
} from './size-search.ts'

interface FakePath {
  now: number
  /** Largest packet that gets through. */
  carries: number
  rttMs: number
  lost: (probe: SizeProbe) => boolean
  readonly sent: SizeProbe[]
}

let numbers = 0
const number = (): number => {
  numbers += 1
  return numbers
}

function path(carries: number, more: Partial<FakePath> = {}): FakePath {
  return { now: 1_000, carries, rttMs: 20, lost: () => false, sent: [], ...more }
}

/** Plays the search until it asks nothing more. */
function play(search: SizeSearch, way: FakePath): SizeSearch {
  const coming: { at: number; probe: number; rttMs: number }[] = []
  for (let steps = 0; search.question !== undefined; steps++) {
    assert.ok(steps < 1_000, 'it comes to an end')
    coming.sort((a, b) => a.at - b.at)
    const [next] = coming
    if (next !== undefined && next.at < sizeDueAt(search)) {
      coming.shift()
      way.now = Math.max(way.now, next.at)
      noteSizeAnswer(search, next.probe, next.rttMs, way.now)
      continue
    }
    way.now = Math.max(way.now, sizeDueAt(search))
    for (const probe of sendSizes(search, way.now, number)) {
      way.sent.push(probe)
      if (probe.bytes <= way.carries && !way.lost(probe)) {
        coming.push({ at: way.now + way.rttMs, probe: probe.probe, rttMs: way.rttMs })
      }
    }
  }
  return search
}

function measured(max: number, way: FakePath, remembered?: number): SizeSearch {
  const search = newSizeSearch(max, remembered)
  askSize(search, way.now)
  return play(search, way)
}

/** What the search may find at best: multiples of 16, or all. */
function best(max: number, carries: number): number {
  return carries >= max ? max : Math.max(sizeMin, Math.floor(carries / 16) * 16)
}

test('a path that carries all is known after one probe', () => {
  const way = path(1_500)
  assert.is(measured(1_420, way).size, 1_420)
  assert.equal(
    way.sent.map(({ bytes }) => bytes),
    [1_420],
  )
})

test('usual paths, with few probes and in little time', () => {
  // Outside MTU less what WireGuard takes: 60 over IPv4, 80 over IPv6.
  const table: readonly (readonly [carries: number, found: number, bytesMax: number])[] = [
    [1_492 - 80, 1_408, 15_000],
    [1_400 - 60, 1_328, 26_000],
    [1_400 - 80, 1_312, 26_000],
    [1_340 - 60, 1_280, 38_000],
    [1_280 - 60, 1_216, 41_000],
    [1_280 - 80, 1_200, 46_000],
    [576 - 60, 512, 62_000],
  ]
  for (const [carries, found, bytesMax] of table) {
    const way = path(carries)
    assert.is(measured(1_420, way).size, found, `${carries}`)
    const bytes = way.sent.reduce((sum, one) => sum + Math.max(one.bytes + 60, 126), 0)
    assert.ok(bytes <= bytesMax, `${carries}: ${way.sent.length} probes, ${bytes} bytes`)
  }
})

test('what is too large is let go at once, and what is safe is held to while the rest is found out', () => {
  const way = path(1_500)
  const search = measured(1_420, way)
  way.carries = 1_340
  const shrunkAt = way.now
  askSize(search, way.now)
  while (search.size === 1_420) {
    way.now = sizeDueAt(search)
    for (const { bytes, probe } of sendSizes(search, way.now, number)) {
      way.sent.push({ bytes, probe })
      if (bytes <= way.carries) noteSizeAnswer(search, probe, 20, way.now)
    }
  }
  assert.ok(way.now - shrunkAt < 1_000, `${way.now - shrunkAt} ms`)
  assert.is(search.size, 1_280)
  assert.is(play(search, way).size, 1_328)
  assert.is(search.tooBig, 1_344)
})

test('a new path whose first probe is lost is held to the safe size until it is known', () => {
  const search = newSizeSearch(1_420)
  askSize(search, 0)
  const [first] = sendSizes(search, 0, number)
  assert.is(search.size, undefined)
  sendSizes(search, sizeDueAt(search), number)
  assert.is(search.size, 1_280)
  noteSizeAnswer(search, first?.probe ?? 0, 3_000, 3_000)
  assert.is(search.size, 1_420, 'it was only late')
})

test('a dead path says nothing of its size, and is not probed forever', () => {
  const way = path(1_500)
  const search = measured(1_420, way)
  const before = way.sent.length
  askSize(search, way.now)
  play(search, { ...way, carries: -1 })
  assert.is(search.size, 1_420)
  assert.ok(way.sent.length - before <= 12, `${way.sent.length - before} probes`)
})

test('more is asked for a minute later, then ever more rarely, each time with few probes', () => {
  const way = path(1_340)
  const search = measured(1_420, way)
  const gaps: number[] = []
  for (let i = 0; i < 6; i++) {
    const [since, dueAt] = [way.now, search.raiseAt]
    for (let looks = 0; search.raiseAt === dueAt; looks++) {
      assert.ok(looks < 1_000)
      way.now += 1_000
      const before = way.sent.length
      askSize(search, way.now)
      play(search, way)
      assert.ok(way.sent.length - before <= (search.raiseAt === dueAt ? 1 : 10))
    }
    gaps.push(way.now - since)
    assert.is(search.size, 1_328)
  }
  assert.ok((gaps[0] ?? 0) < 65_000, String(gaps))
  assert.ok((gaps.at(-1) ?? 0) > 500_000 && (gaps.at(-1) ?? 0) < 620_000, String(gaps))
  way.carries = 1_500
  way.now = search.raiseAt
  askSize(search, way.now)
  assert.is(play(search, way).size, 1_420)
})

test('what was remembered is held to from the start, and asked first', () => {
  const way = path(1_340)
  const search = newSizeSearch(1_420, 1_328)
  assert.is(search.size, 1_328)
  askSize(search, 0)
  assert.is(play(search, way).size, 1_328)
  assert.equal(
    way.sent.map(({ bytes }) => bytes),
    [1_328],
  )
  assert.is(newSizeSearch(1_420, 99_999).size, 1_420)
  assert.is(newSizeSearch(1_420, 3).size, sizeMin)
})

test('whatever a path carries is found, never more is asked than the most, and the probes are few', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_280, max: 9_000 }),
      fc.integer({ min: sizeMin, max: 9_100 }),
      fc.integer({ min: 0, max: 900 }),
      fc.option(fc.integer({ min: 0, max: 9_100 }), { nil: undefined }),
      (max, carries, rttMs, remembered) => {
        const way = path(carries, { rttMs })
        const search = measured(max, way, remembered)
        const wanted = best(max, remembered === undefined ? carries : Math.min(carries, search.size ?? 0))
        assert.is(search.size, wanted)
        assert.ok(search.size !== undefined && search.size <= Math.max(carries, sizeMin))
        for (const { bytes } of way.sent) assert.ok(bytes <= max)
        assert.ok(way.sent.length <= 90, `${way.sent.length} probes`)
      },
    ),
    { numRuns: 500 },
  )
})

test('loss alone never makes a path smaller, as long as one in three probes of a size gets through', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1_200, max: 1_500 }),
      (pattern, carries) => {
        const tries = new Map<number, number>()
        const lost = ({ bytes }: SizeProbe): boolean => {
          const count = (tries.get(bytes) ?? 0) + 1
          const wanted = (pattern[bytes % pattern.length] ?? 0) + 1
          tries.set(bytes, count >= wanted ? 0 : count)
          return count < wanted
        }
        assert.is(measured(1_420, path(carries, { lost })).size, best(1_420, carries))
      },
    ),
    { numRuns: 500 },
  )
})

test.run()
