// What is said of the sizes of paths, word for word.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { parseName, parseNodeId } from '../../shared/ids.ts'
import type { CandidateReport, MtuReport, PathReport } from '../paths/report.ts'
import { mtuSentence, mtuSummary, mtuText } from './mtu-text.ts'

function way(mtu: MtuReport | undefined, endpoint = '192.0.2.1:51820', kind: CandidateReport['kind'] = 'direct') {
  const known = { kind, source: 'public', state: 'valid', inUse: true, reason: '' } as const
  return { ...known, endpoint: endpoint as Endpoint, ...(mtu === undefined ? {} : { mtu }) } satisfies CandidateReport
}

test('one path', () => {
  const less = { bytes: 1_328, full: false, measuredAgeMs: 61_000, tooBig: 1_344 }
  assert.is(mtuText(way(undefined)), '-')
  assert.is(mtuText(way(less)), '1328')
  assert.is(mtuSentence(way(undefined)), undefined)
  assert.is(
    mtuSentence(way({ bytes: 1_420, full: true })),
    'Packets of the network’s full MTU (1420 bytes) get through whole.',
  )
  assert.is(
    mtuSentence(way(less)),
    'Packets are kept to 1328 bytes (1388 outside): those of 1344 were lost again and again while smaller ones got through; measured 1m ago.',
  )
  assert.is(
    mtuSentence(way({ ...less, bytes: 1_312 }, '[2001:db8::1]:51820'))?.slice(0, 49),
    'Packets are kept to 1312 bytes (1392 outside): th',
  )
  assert.is(
    mtuSentence(way({ bytes: 1_280, full: false }, '127.0.0.1:4000', 'tls')),
    'Packets are kept to 1280 bytes until the path is measured.',
  )
})

test('all paths', () => {
  const peer = (name: string, mtu: MtuReport | undefined): PathReport => {
    const of = { nodeId: parseNodeId('aaaaaaaaaaaaaaaa'), natType: 'unknown', mode: 'fast', decides: true } as const
    return { ...of, name: parseName(name), candidates: [way(mtu)], history: [] }
  }
  const full = { bytes: 1_420, full: true }
  const less = { bytes: 1_328, full: false }
  assert.is(mtuSummary([peer('a', undefined)]), 'not measured: no payload flows')
  assert.is(mtuSummary([peer('a', full)]), 'full to 1 peer')
  assert.is(mtuSummary([peer('a', full), peer('b', less), peer('c', full)]), 'full to 2 peers, 1328 to b')
  const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => peer(name, less))
  assert.match(mtuSummary(many), /1328 to f, less to 2 more$/)
})

test.run()
