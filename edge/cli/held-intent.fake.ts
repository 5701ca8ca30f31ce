// A device that holds intent, beside an agent that hands it out, as the command line meets them.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflate } from '../../shared/host/deflate.ts'
import { encodeSnapshot } from '../../shared/record/delta.ts'
import { type FakeIntent, fakeRecords, fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { type AnyRecord, encodeRecord } from '../../shared/record/record.ts'
import { encodeCarried } from '../../shared/wire/carried.ts'
import { fakeAgent } from '../agent.fake.ts'
import type { Agent } from '../agent.ts'
import { type Call, withCli } from './cli-rig.fake.ts'

/** As the agent hands it out: nothing here looks at signatures again. */
function carried(intent: FakeIntent): Uint8Array {
  const records = fakeRecords(intent)
  const all = [
    ...(records.network === undefined ? [] : [{ kind: 'network', id: 'network/net', body: records.network }]),
    ...records.nodes.map((body) => ({ kind: 'node', id: `node/${body.name}`, body })),
    ...records.policies.map((body) => ({ kind: 'policy', id: `policy/${body.name}`, body })),
  ] as AnyRecord[]
  const set = new Map(all.map((record) => [record.id, encodeRecord(record)]))
  const half = new Uint8Array(16)
  const state = { version: { epoch: 1, revision: 7 }, root: half, facts: half, online: false }
  return encodeCarried([
    { type: 'state', state, stampsFollow: false },
    { type: 'snapshot', deflated: deflate(encodeSnapshot(set, Uint8Array.of(1))) },
  ])
}

/** `name`: of this device among the nodes of `intent`. */
export function withHeldIntent(
  intent: FakeIntent,
  name: string,
  more: Partial<Agent>,
  run: (call: Call, state: string) => Promise<void>,
): Promise<void> {
  const exportIntent = (): Uint8Array => carried(intent)
  return withCli(fakeAgent({ status: () => ({}) as never, exportIntent, ...more }), async (call, state) => {
    const broker = { urls: ['mqtts://hub.test:8883'], username: 'x', password: 'x' }
    const network = { id: 'aaaaaaaaaaaa', name: 'default' }
    const anchor = { rootKey: fakeWgKey(9), tlsAuthority: '' }
    const of = { nodeId: 'aaaaaaaaaaaaaaaa', name, network, hubUrl: 'https://hub.test' }
    writeFileSync(join(state, 'identity.json'), JSON.stringify({ ...of, anchor, keys: [], broker }))
    await run(call, state)
  })
}
