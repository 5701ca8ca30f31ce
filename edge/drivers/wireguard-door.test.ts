// The counters of an interface are found on its own line, however the columns are filled.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCounters } from './wireguard-door.ts'

const TEXT = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 4311424   42104    0    0    0     0          0         0  4311424   42104    0    0    0     0       0          0
   hf0:1234567890     12    0    0    0     0          0         0      987      11    0    0    0     0       0          0
  hf01:      1       2    0    0    0     0          0         0        3       4    0    0    0     0       0          0
`

test('bytes received and sent are read, also where a long figure touches the colon', () => {
  assert.equal(parseCounters(TEXT, 'hf0'), { rxBytes: 1_234_567_890, txBytes: 987 })
  assert.equal(parseCounters(TEXT, 'hf01'), { rxBytes: 1, txBytes: 3 })
})

test('an interface that is not there has no counters', () => {
  assert.is(parseCounters(TEXT, 'hf'), undefined)
  assert.is(parseCounters('', 'hf0'), undefined)
  assert.is(parseCounters('hf0: 1 2 3', 'hf0'), undefined)
})

test.run()
