// Labels that tell of uplinks: what they say, and that they are told apart from those of people.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bandwidthStepsMbps, lossStepsPercent, rttStepsMs } from '../../../shared/wire/uplink-quality.ts'
import { uplinkKeys, uplinkLabels, uplinkLabelsIn, withoutUplinkLabels } from './labels.ts'

const PLAIN = /^[A-Za-z0-9]{1,63}$/

test('each key is always there, and what is not known is no number', () => {
  assert.equal(uplinkLabels({ state: 'offline' }), {
    'holdfast.dev/uplink': 'offline',
    'holdfast.dev/uplink-rtt-ms': 'unknown',
    'holdfast.dev/uplink-loss-percent': 'unknown',
    'holdfast.dev/uplink-mbps': 'unknown',
    'holdfast.dev/uplink-metered': 'unknown',
  })
  const known = { rttMs: 20, lossPercent: 1, bandwidthMbps: 50, bandwidthBy: 'observed', metered: false } as const
  assert.equal(Object.values(uplinkLabels({ state: 'online', ...known })), ['online', '20', '1', '50', 'false'])
})

test('every step is a whole number that a label takes', () => {
  for (const step of [...rttStepsMs, ...lossStepsPercent, ...bandwidthStepsMbps]) {
    assert.match(uplinkLabels({ state: 'online', rttMs: step })['holdfast.dev/uplink-rtt-ms'] ?? '', PLAIN)
    assert.ok(Number.isInteger(step))
  }
})

test('what people wrote is told apart from it', () => {
  const labels = { team: 'a', ...uplinkLabels({ state: 'online' }), 'holdfast.dev/uplinks-of-mine': 'mine' }
  assert.equal(withoutUplinkLabels(labels), { labels: { team: 'a', 'holdfast.dev/uplinks-of-mine': 'mine' } })
  assert.equal(Object.keys(uplinkLabelsIn(labels)), [...uplinkKeys])
  assert.equal(withoutUplinkLabels(uplinkLabels({ state: 'online' })), {})
  assert.equal(withoutUplinkLabels({}), { labels: {} })
})

test.run()
