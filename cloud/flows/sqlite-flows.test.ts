// The flows of many devices in one file: who looks at all of them asks of each in turn.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toHex } from '../../shared/bytes.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { encodeBatch, type FlowBatch } from '../../shared/flows/batch.ts'
import { linkHash, noLink } from '../../shared/flows/chain.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { type NodeId, parseName, parseNodeId } from '../../shared/ids.ts'
import type { FlowStore } from './flow-store.ts'
import { openFlowStore } from './sqlite-flows.ts'

const nodes = ['a', 'b', 'c'].map((sign) => parseNodeId(sign.repeat(16)))
const selection = (node?: NodeId) => ({ afterId: 0, sinceMs: 0, denied: false, node })

const EMPTY = {
  boot: 1,
  revision: '1.1',
  counts: { by: 'nft' as const, epoch: 'a', total: { packets: 0, bytes: 0 } },
  ends: [],
  records: [],
  lostBefore: [],
}

const directory = mkdtempSync(join(tmpdir(), 'hf-flows-'))
test.after(() => rmSync(directory, { recursive: true }))
let opened = 0

/** With two batches of each node. */
function filled(): FlowStore {
  const clock = new FakeClock()
  const store = openFlowStore(join(directory, `${++opened}.db`), { clock, log: memoryLog() })
  for (const node of nodes) {
    let hash = noLink
    const links = [1, 2].map((seq) => {
      const parsed: FlowBatch = { ...EMPTY, from: 1_000 * seq, to: 1_000 * seq + 500 }
      const batch = encodeBatch(parsed)
      hash = linkHash(hash, seq, batch, sha256)
      return { seq, batch, hash, parsed }
    })
    const own = { node, name: parseName(`node-${node.slice(0, 1)}`), network: parseName('default') }
    store.take({ links, state: { ...own, count: 2, told: 2, head: toHex(hash), at: clock.now() } })
  }
  return store
}

test('the records of all nodes lie ready at once, and are read one after the other', () => {
  const store = filled()
  const records = nodes.map((node) => store.newest(selection(node)))
  assert.equal(
    records.map((batches) => [...batches].map(({ seq }) => seq)),
    [
      [2, 1],
      [2, 1],
      [2, 1],
    ],
  )
  store.close()
})

test('who reads a few and goes, or none at all, is in nobody’s way', () => {
  const store = filled()
  store.newest(selection(nodes[0]))
  for (const { seq } of store.newest(selection(nodes[0]))) {
    assert.is(seq, 2)
    break
  }
  assert.is([...store.newest(selection(nodes[0]))].length, 2)
  assert.is([...store.newest(selection())].length, 6)
  store.close()
})

test.run()
