// The picture of the mesh: one edge per pair, the better of both reports, the same text for any order of input.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ShownNode } from '../api/answers.ts'
import { renderGraph } from './graph.ts'

function device(name: string, state: string, peers: readonly object[]): ShownNode {
  return { name, state, addresses: [`10.7.0.${name.length}`], health: [], report: { peers } } as unknown as ShownNode
}

const fleet = [
  device('bob', 'offline', [{ name: 'alice', path: 'none' }]),
  device('alice', 'online', [
    { name: 'bob', path: 'relay', rttUs: 12_345 },
    { name: 'carol', path: 'lan' },
  ]),
  device('carol', 'online', [{ name: 'alice', path: 'lan', rttUs: 400 }]),
]

test('dot', () => {
  assert.is(
    renderGraph(fleet, 'dot'),
    [
      'graph mesh {',
      '  node [shape=box]',
      '  "alice" [label="alice\\n10.7.0.5"]',
      '  "bob" [label="bob\\n10.7.0.3", color=gray, fontcolor=gray]',
      '  "carol" [label="carol\\n10.7.0.5"]',
      '  "alice" -- "bob" [label="relay 12.3 ms", style=dashed]',
      '  "alice" -- "carol" [label="lan", penwidth=2]',
      '}',
      '',
    ].join('\n'),
  )
})

test('mermaid, and the order of input is nothing', () => {
  const text = renderGraph(fleet, 'mermaid')
  assert.match(text, /n0 -\.-\|relay 12\.3 ms\| n1/)
  assert.is(renderGraph([fleet[1], fleet[0], fleet[2]] as ShownNode[], 'mermaid'), text)
})

test.run()
