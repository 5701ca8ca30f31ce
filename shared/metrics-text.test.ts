// The text format as Prometheus reads it: every value comes back whole, whatever it holds.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { counter, formatMetrics, gauge, type Sample } from './metrics-text.ts'

test('families with help, type and samples; those without a sample are left out', () => {
  const text = formatMetrics([
    gauge('up_seconds', 'How long.', 12.5),
    counter('words_total', 'Said "aloud",\nwith a \\.', [
      [{ to: 'a' }, 1],
      [{ to: 'b', by: 'c' }, 2],
    ]),
    gauge('nothing', 'Nobody asked.', []),
    gauge('unknown', 'Nobody knows.', undefined),
  ])
  assert.is(
    text,
    '# HELP up_seconds How long.\n# TYPE up_seconds gauge\nup_seconds 12.5\n' +
      '# HELP words_total Said "aloud",\\nwith a \\\\.\n# TYPE words_total counter\n' +
      'words_total{to="a"} 1\nwords_total{to="b",by="c"} 2\n',
  )
})

test('numbers as the format spells them', () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.5, 1e21, 2 ** 53]
  const samples = values.map((value, index): Sample => [{ at: String(index) }, value])
  assert.equal(
    formatMetrics([gauge('x', 'x', samples)])
      .split('\n')
      .slice(2, -1)
      .map((line) => line.split(' ')[1]),
    ['NaN', '+Inf', '-Inf', '-0.5', '1e+21', '9007199254740992'],
  )
})

/** A reader after the format's own rules, for one sample of one label. */
function labelIn(line: string): string | undefined {
  const inside = /^x\{text="((?:[^"\\]|\\[\\"n])*)"\} 1$/.exec(line)?.[1]
  return inside?.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
}

test('a label comes back as it was, on one line', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom('\\', '"', '\n', 'n') })),
      (text) => {
        const lines = formatMetrics([gauge('x', 'x', [[{ text }, 1]])]).split('\n')
        assert.is(lines.length, 4)
        assert.is(labelIn(lines[2] ?? ''), text)
      },
    ),
  )
})

test.run()
