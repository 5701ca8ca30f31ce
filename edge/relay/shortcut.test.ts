// What is said to the short cut and read from it, as text.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { parseNodeId } from '../../shared/ids.ts'
import type { Forward } from './forwarder.ts'
import { addCarried, readShortcut, renderShortcutChange, shortcutEndsOf } from './shortcut.ts'

const nodes = [parseNodeId('aaaaaaaaaaaaaaaa'), parseNodeId('bbbbbbbbbbbbbbbb')] as const
const end = (source: string, local: string) => ({ source: parseEndpoint(source), local: parseAddress(local) })
const left = end('198.51.100.1:51820', '192.0.2.9')
const right = end('203.0.113.2:40001', '192.0.2.10')
const both: Forward = { port: 61_000, family: 4, nodes, ends: [left, right] }
const six: Forward = {
  port: 61_001,
  family: 6,
  nodes,
  ends: [end('[2001:db8::1]:51820', '2001:db8::9'), end('[2001:db8:1::2]:51820', '2001:db8::9')],
}
const half: Forward = { ...both, port: 61_002, ends: [undefined, right] }

test('whole sessions give two ends, each to the other, from the address that the other knows', () => {
  assert.is(
    renderShortcutChange(new Map(), shortcutEndsOf([both, six, half])),
    [
      '+ 198.51.100.1 51820 192.0.2.9 61000 203.0.113.2 40001 192.0.2.10',
      '+ 203.0.113.2 40001 192.0.2.10 61000 198.51.100.1 51820 192.0.2.9',
      '+ 2001:db8::1 51820 2001:db8::9 61001 2001:db8:1::2 51820 2001:db8::9',
      '+ 2001:db8:1::2 51820 2001:db8::9 61001 2001:db8::1 51820 2001:db8::9',
      '',
    ].join('\n'),
  )
})

test('an end that moves takes its old one away first, and leaves other sessions alone', () => {
  const moved: Forward = { ...both, ends: [end('198.51.100.1:40404', '192.0.2.9'), right] }
  assert.is(
    renderShortcutChange(shortcutEndsOf([both, six]), shortcutEndsOf([moved, six])),
    [
      '- 198.51.100.1 51820 192.0.2.9 61000',
      '+ 198.51.100.1 40404 192.0.2.9 61000 203.0.113.2 40001 192.0.2.10',
      '+ 203.0.113.2 40001 192.0.2.10 61000 198.51.100.1 40404 192.0.2.9',
      '',
    ].join('\n'),
  )
  assert.is(renderShortcutChange(shortcutEndsOf([both, six]), shortcutEndsOf([six, both])), '')
})

test('what is listed is what was said, with its counters, and goes on the table’s', () => {
  const said = renderShortcutChange(new Map(), shortcutEndsOf([both, six]))
  const listed = said.split('\n').filter(Boolean)
  const counts = readShortcut(listed.map((line, i) => `${line.slice(2)} ${i + 1} ${100 * i} 7\n`).join(''))
  assert.equal(new Map([...counts].map(([key, { to }]) => [key, to])), shortcutEndsOf([both, six]))
  const table = new Map([[half.port, { packets: [0, 3], bytes: [0, 30] } as const]])
  assert.equal(
    [...addCarried(table, counts, [both, six, half])],
    [
      [half.port, { packets: [0, 3], bytes: [0, 30] }],
      [both.port, { packets: [1, 2], bytes: [0, 100] }],
      [six.port, { packets: [3, 4], bytes: [200, 300] }],
    ],
  )
})

test('a list of another version is refused, not guessed', () => {
  assert.throws(
    () => readShortcut('198.51.100.1 51820 192.0.2.9 61000 203.0.113.2 40001 192.0.2.10 1\n'),
    (error: unknown) => isHoldfastError(error, 'unsupported'),
  )
})

test.run()
