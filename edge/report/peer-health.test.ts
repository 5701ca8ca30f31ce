// Who is told not to answer: those somebody waits for, and no others.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type NodeId, parseName, parseNodeId } from '../../shared/ids.ts'
import type { PathKind } from '../../shared/wire/report.ts'
import { tellUnreachable } from './peer-health.ts'
import type { PeerEntry } from './peers.ts'

function entry(letter: string, path: PathKind): PeerEntry {
  return { path, member: { name: parseName(`node-${letter}`), nodeId: parseNodeId(letter.repeat(16)) } } as PeerEntry
}

function told(entries: readonly PeerEntry[], quiet: readonly string[] = []): string {
  const ids = new Set<NodeId>(quiet.map((letter) => parseNodeId(letter.repeat(16))))
  let word = 'nothing'
  tellUnreachable(
    {
      raise: (code, detail, options) => void (word = `${code} after ${options?.afterMs} ms: ${detail}`),
      clear: (code) => void (word = `no ${code}`),
    },
    { entries },
    { isQuiet: (node) => ids.has(node) },
  )
  return word
}

test('a peer that is wanted and does not answer is told after a minute', () => {
  assert.is(told([entry('a', 'none'), entry('b', 'direct')]), 'peer-unreachable after 60000 ms: node-a')
})

test('one that rests, and can be called, is not missed', () => {
  assert.is(told([entry('a', 'none'), entry('b', 'relay')], ['a']), 'no peer-unreachable')
  assert.is(told([entry('a', 'none'), entry('b', 'none')], ['a']), 'peer-unreachable after 60000 ms: node-b')
})

test('of many some are named', () => {
  const many = 'abcdefg'.split('').map((letter) => entry(letter, 'none'))
  assert.is(told(many), 'peer-unreachable after 60000 ms: node-a, node-b, node-c, node-d, node-e and 2 more')
})

test.run()
