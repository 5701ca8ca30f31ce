// For whom the gate asks, as its child says it: read in any pieces, bounded, and nothing made of what is no such line.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gateLineBytesMax, gateToldMax } from '../../shared/service-limits.ts'
import { createGateBook } from './told.ts'

const LINES = '40000 10.7.9.9 443 203.0.113.9 52000\n40001 fd07::9 80 2001:db8::9 1\n'

test('lines are read in whatever pieces they come', () => {
  fc.assert(
    fc.property(fc.nat(LINES.length), fc.nat(LINES.length), (a, b) => {
      const book = createGateBook()
      const [first, second] = [Math.min(a, b), Math.max(a, b)]
      for (const part of [LINES.slice(0, first), LINES.slice(first, second), LINES.slice(second)]) book.hear(part)
      assert.equal(book.all(), [
        { port: 40_000, to: { address: '10.7.9.9', port: 443 }, outside: { address: '203.0.113.9', port: 52_000 } },
        { port: 40_001, to: { address: 'fd07::9', port: 80 }, outside: { address: '2001:db8::9', port: 1 } },
      ])
    }),
  )
})

test('what is no such line says nothing, and never ends a program', () => {
  const book = createGateBook()
  for (const line of [
    '',
    'x',
    '1 2 3 4 5',
    '65536 10.0.0.1 1 10.0.0.2 2',
    '1 10.0.0.1 1 10.0.0.2 2 3',
    '-1 ::1 1 ::2 2',
  ])
    book.hear(`${line}\n`)
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (noise) => book.hear(`${noise}\n`)))
  book.hear('1'.repeat(gateLineBytesMax + 1))
  assert.equal(book.all(), [])
  book.hear(`\n${LINES}`)
  assert.is(book.all().length, 2)
})

test('the last so many are kept; one port to one service is the last who came by it', () => {
  const book = createGateBook()
  const say = (port: number, who: number): void => book.hear(`${port} 10.7.9.9 443 203.0.113.9 ${who}\n`)
  for (let n = 0; n < gateToldMax; n++) say(n, 1)
  say(0, 2)
  say(60_000, 3)
  const ports = new Map(book.all().map(({ outside, port }) => [port, outside.port]))
  assert.equal([ports.size, ports.get(0), ports.get(1), ports.get(60_000)], [gateToldMax, 2, undefined, 3])
})

test.run()
