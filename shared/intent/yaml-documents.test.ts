// Bombs: each is refused with its kind of excess and its line, after reading a bounded part of it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { faultOf } from '../fuzz.fake.ts'
import { systemClock } from '../host/clock.ts'
import { documentBytesMax, documentsMax } from '../limits.ts'
import { readDocuments } from './yaml-documents.ts'

/** Nothing below may take longer than this, on a machine that is busy with other tests; what is not bounded takes minutes. */
const PATIENCE_MS = 10_000
const MANY = 400_000

function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n')
}

const laughs = `a: &a [x,x,x,x,x,x,x,x,x]\n${lines(8, (i) => {
  const [name, last] = ['bcdefghi'[i], 'abcdefgh'[i]]
  return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${last}`).join(',')}]`
})}\n`

for (const [what, text, message] of [
  ['a billion laughs', laughs, /aliases/],
  ['aliases without end', `a: &a 1\nb: [${'*a,'.repeat(MANY)}]`, /aliases/],
  ['flow lists in flow lists', '['.repeat(MANY), /nests deeper/],
  ['flow maps in flow maps', '{a: '.repeat(MANY), /nests deeper/],
  ['lists in lists', '- '.repeat(MANY), /nests deeper/],
  ['maps in maps', lines(1_000, (i) => `${' '.repeat(i)}a:`), /nests deeper/],
  ['keys of keys', '? '.repeat(MANY), /nests deeper/],
  ['JSON in JSON', `${'{"a":'.repeat(MANY)}1${'}'.repeat(MANY)}`, /nests deeper/],
  ['keys without end', lines(90_000, (i) => `k${i}: 1`), /words and signs/],
  ['anchors without end', '&a '.repeat(MANY), /words and signs/],
  ['commas without end', `[${','.repeat(MANY)}]`, /words and signs/],
  ['directives without end', '%a\n'.repeat(MANY), /directives/],
  ['documents without end', '---\n'.repeat(MANY), new RegExp(`more than ${documentsMax} documents`)],
  ['document ends without end', 'a\n...\n'.repeat(MANY), new RegExp(`more than ${documentsMax} documents`)],
  ['one long text', `a: ${'x'.repeat(documentBytesMax + 1)}`, /characters/],
  ['one long stream', ' '.repeat(4 * documentBytesMax + 1), /characters/],
] as const) {
  test(`bomb: ${what}`, () => {
    const startedAt = systemClock.monotonic()
    const fault = faultOf(() => readDocuments(text))
    assert.is(fault.code, 'too-large')
    assert.match(fault.message, message)
    assert.ok((fault.remedy ?? '').length > 0)
    assert.ok(systemClock.monotonic() - startedAt < PATIENCE_MS)
  })
}

test('the excess is named with the line where it begins to be one', () => {
  assert.is(faultOf(() => readDocuments(`a: 1\nb: 2\nc: ${'['.repeat(100)}`)).line, 3)
})

test('what is ordinary is not taken for a bomb', () => {
  const nested = `${'['.repeat(30)}1${']'.repeat(30)}`
  assert.is(readDocuments(nested).documents.length, 1)
  const rules = lines(1_000, (i) => `    - {from: [{node: n${i}}], ports: [{protocol: TCP, port: ${i + 1}}]}`)
  assert.is(readDocuments(`spec:\n  ingress:\n${rules}\n`).documents.length, 1)
  const stream = lines(documentsMax - 1, (i) => `---\nkind: Node\nmetadata: {name: n${i}}`)
  assert.is(readDocuments(stream).documents.length, documentsMax - 1)
  const aliases = `a: &a 1\nb: [${Array.from({ length: 60 }, () => '*a').join(',')}]`
  assert.is(readDocuments(aliases).documents.length, 1)
})

test('a key given twice is found in a map of any size', () => {
  const fault = faultOf(() => readDocuments(`${lines(5_000, (i) => `k${i}: 1`)}\nk7: 2\n`))
  assert.is(fault.line, 5_001)
  assert.match(fault.message, /"k7" is given twice/)
  assert.match(faultOf(() => readDocuments('{"a": {"b": 1, "b": 2}}')).message, /"b" is given twice/)
  assert.match(faultOf(() => readDocuments('1: a\n"1": b\n')).message, /"1" is given twice/)
})

test('an anchor counts only above its alias', () => {
  assert.match(faultOf(() => readDocuments('a: *x\nb: &x 1\n')).message, /refers to nothing above it/)
  assert.match(faultOf(() => readDocuments('a: &x 1\n---\nb: *x\n')).message, /refers to nothing above it/)
  assert.is(readDocuments('&x a: 1\nb: *x\n').documents.length, 1)
})

test.run()
