// How a device was of late: the newest of a flurry counts, the oldest goes first, and nothing grows.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tracePointsMax, traceStepMs } from '../../shared/dashboard-limits.ts'
import type { StatusReport } from '../../shared/wire/report.ts'
import { createTrace } from './trace.ts'

function report(rxBytes: number, ...paths: readonly (readonly ['lan' | 'relay' | 'none', number?])[]): StatusReport {
  const peers = paths.map(([path, rttUs]) => ({ path, ...(rttUs === undefined ? {} : { rttUs }), rxBytes, txBytes: 1 }))
  const reachable = paths.filter(([path]) => path !== 'none').length
  const revision = { applied: { epoch: 1, revision: 7 } }
  return { peers, peersTotal: paths.length, peersReachable: reachable, revision } as unknown as StatusReport
}

test('a point says what the report said', () => {
  const trace = createTrace()
  assert.equal(trace.points(), [])
  trace.note(report(10, ['lan', 300], ['relay', 40_000], ['none']), 1_000)
  assert.equal(trace.points(), [
    {
      at: 1_000,
      peers: 3,
      reachable: 2,
      relayed: 1,
      rttUs: 40_000,
      rxBytes: 30,
      txBytes: 3,
      applied: { epoch: 1, revision: 7 },
    },
  ])
  trace.note(report(10, ['none']), 90_000)
  assert.is(trace.points()[1]?.rttUs, undefined)
})

test('of a flurry the newest is kept', () => {
  const trace = createTrace()
  for (let at = 0; at < 10; at++) trace.note(report(at, ['lan', 1]), 50_000 + at)
  assert.equal(
    trace.points().map(({ rxBytes }) => rxBytes),
    [0, 9],
  )
})

test('the oldest goes first', () => {
  const trace = createTrace()
  const total = tracePointsMax + 30
  for (let at = 0; at < total; at++) trace.note(report(at, ['lan', 1]), at * traceStepMs)
  const points = trace.points()
  assert.is(points.length, tracePointsMax)
  assert.equal([points[0]?.rxBytes, points.at(-1)?.rxBytes], [30, total - 1])
})

test.run()
