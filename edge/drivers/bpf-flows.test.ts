// Counts of the programs, read: whole or refused.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { createBpfFlows, parseCounts } from './bpf-flows.ts'

const COUNTS = `m 41
t 20 2000
f 10.7.0.2 80 10.7.0.1 40000 6 in 3735928559 2 5 500 4 400 12
f fd07::2 77 fd07::1 0 1 out agent 2 1 104 0 0 0
d 10.7.0.1 10.7.0.2 6 81 4711 3 180
d 10.7.0.9 10.7.0.2 17 53 nobody 1 60
f 10.7.0.2 80 10.7.0.1 40000 6 in 3735928559 2 6 600 4 400 1
t 22 2200
`

test('a flow goes from who opened it; the last word on one counts; the totals stand around it', () => {
  const { flows, map, services, total, totalAtFirst } = parseCounts(COUNTS)
  assert.is(map, 41)
  assert.equal(
    [...flows.values()],
    [
      {
        source: '10.7.0.1',
        destination: '10.7.0.2',
        protocol: 6,
        sourcePort: 40_000,
        destinationPort: 80,
        sent: { packets: 6, bytes: 600 },
        back: { packets: 4, bytes: 400 },
        rule: 3_735_928_559,
      },
      {
        source: 'fd07::2',
        destination: 'fd07::1',
        protocol: 58,
        sourcePort: 77,
        destinationPort: 0,
        sent: { packets: 1, bytes: 104 },
        back: { packets: 0, bytes: 0 },
        rule: 'agent',
      },
    ],
  )
  assert.equal(
    services.all.map(({ amount, destinationPort, rule }) => [destinationPort, rule, amount.packets]),
    [
      [81, 4_711, 3],
      [53, 'nobody', 1],
    ],
  )
  assert.equal(
    [totalAtFirst, total],
    [
      { packets: 20, bytes: 2_000 },
      { packets: 22, bytes: 2_200 },
    ],
  )
})

test('counts that are cut off anywhere but at their end are refused', () => {
  for (const end of ['m 41\n', 'm 41\nt 1 1\n', COUNTS.slice(0, -8)]) assert.throws(() => parseCounts(end))
})

test('hostile counts are refused with an error of ours, or are whole numbers', () => {
  fc.assert(
    fc.property(hostileBytes(utf8(COUNTS)), (bytes) => {
      try {
        const { flows } = parseCounts(fromUtf8(bytes))
        for (const { back, sent } of flows.values()) assert.ok(Number.isSafeInteger(sent.packets + back.bytes))
      } catch (error) {
        assert.ok(isHoldfastError(error), String(error))
      }
    }),
  )
})

test('an epoch is of one map of one boot', async () => {
  const read = async (map: number): Promise<string> =>
    (await createBpfFlows(async () => COUNTS.replace('m 41', `m ${map}`), 'holdfast-bpf').read()).epoch
  assert.is(await read(41), await read(41))
  assert.is.not(await read(41), await read(42))
})

test.run()
