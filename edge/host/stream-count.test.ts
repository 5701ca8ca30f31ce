// Streams to the broker are counted as they come and go.

import { Duplex } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createStreamCount } from './stream-count.ts'

const streamOf = (figures: { bytesRead: number; bytesWritten: number }): Duplex =>
  Object.assign(new Duplex({ read: () => undefined }), figures)

test('what moved is counted once, with a packet around it', async () => {
  const count = createStreamCount()
  const first = { bytesRead: 100, bytesWritten: 0 }
  const stream = streamOf(first)
  const open = count.counted(async () => stream)
  assert.is(count.bytes(), 0)
  await open()
  assert.is(count.bytes(), 204)
  assert.is(count.bytes(), 204)
  Object.assign(stream, { bytesRead: 110, bytesWritten: 10 })
  assert.is(count.bytes(), 204 + 2 * 114)
})

test('the last words of a stream count when the next one opens', async () => {
  const count = createStreamCount()
  const streams = [streamOf({ bytesRead: 50, bytesWritten: 0 }), streamOf({ bytesRead: 7, bytesWritten: 0 })]
  const open = count.counted(async () => streams.shift() ?? new Duplex())
  await open()
  await open()
  assert.is(count.bytes(), 50 + 7 + 2 * 104)
})

test.run()
