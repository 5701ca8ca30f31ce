// A stream of events is read the same however it is cut into pieces.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createSseReader, type SseEvent } from './sse.ts'

const stream = [
  ': watching\nid: s-0\n\n',
  'id: s-1\nevent: node\ndata: {"a":1}\n\n',
  ': still here\n\n',
  'id: s-2\r\ndata: two\r\ndata:lines\r\n\r\n',
  'data\n\n',
].join('')
const wanted: readonly SseEvent[] = [
  { id: 's-1', data: '{"a":1}' },
  { id: 's-2', data: 'two\nlines' },
  { id: 's-2', data: '' },
]

test('it is read the same however it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (cuts) => {
      const reader = createSseReader()
      const seen: SseEvent[] = []
      let at = 0
      for (let turn = 0; at < stream.length; turn++) {
        const next = at + (cuts[turn % cuts.length] ?? 1)
        seen.push(...reader.push(stream.slice(at, next)))
        at = next
      }
      assert.equal(seen, wanted)
    }),
  )
})

test('the place where the stream begins is known before the first event', () => {
  const reader = createSseReader()
  assert.equal(reader.push(stream.slice(0, 22)), [])
  assert.is(reader.lastId(), 's-0')
})

test('an event without end is given up', () => {
  const reader = createSseReader()
  for (let i = 0; i < 20; i++) reader.push('x'.repeat(100_000))
  assert.equal(reader.push('\n\nid: 1\ndata: a\n\n'), [{ id: '1', data: 'a' }])
})

test.run()
