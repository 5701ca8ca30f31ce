// A device that has flows on record, as the command line meets it.

import { parseAddress } from '../../shared/address/cidr.ts'
import { fromUtf8 } from '../../shared/bytes.ts'
import { encodeBatch, type FlowBatch, type FlowRecord } from '../../shared/flows/batch.ts'
import { systemClock } from '../../shared/host/clock.ts'
import type { BatchesQuery } from '../flows/batches.ts'
import type { Call } from './cli-rig.fake.ts'
import { withHeldIntent } from './held-intent.fake.ts'

const web = { subject: { node: 'web' }, ingress: [{ from: [{ node: 'shop' }], ports: [{ port: 443 }] }] }
const intent = {
  nodes: [
    { name: 'web', labels: { role: 'web' } },
    { name: 'shop', labels: { role: 'shop' } },
  ],
  policies: { web },
}
const [server, client] = [parseAddress('10.77.0.1'), parseAddress('10.77.0.2')]

export function record(more: Partial<FlowRecord> = {}): FlowRecord {
  return {
    source: client,
    destination: server,
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 443,
    direction: 'ingress',
    verdict: 'accept',
    reason: { kind: 'rule', policy: 'web', tier: 'Standard', direction: 'ingress', index: 0 },
    sent: { packets: 6, bytes: 900 },
    back: { packets: 5, bytes: 4_000 },
    ...more,
  }
}

function batch(records: readonly FlowRecord[], to: number): FlowBatch {
  const ends = [
    { address: server, name: 'web', node: 'web', labels: { role: 'web' } },
    { address: client, name: 'shop', node: 'shop', labels: { role: 'shop' } },
  ]
  const counts = { by: 'nft', epoch: 'e', total: { packets: 0, bytes: 0 } } as const
  return {
    from: to - 10_000,
    to,
    boot: 1,
    revision: '7',
    counts,
    ends,
    records: [...records],
    lostBefore: [{ why: 'restart' }],
  }
}

/** Two batches, handed out one a page. */
export async function withRecord(
  records: readonly FlowRecord[],
  run: (call: Call, state: string) => Promise<void>,
  more: Readonly<Record<string, object>> = {},
): Promise<BatchesQuery[]> {
  const asked: BatchesQuery[] = []
  // Of both, or a second that ends in between would be told.
  const to = systemClock.now() - 60_000
  const flows = {
    query: () => Promise.reject(new TypeError('not asked for')),
    batches: async (query: BatchesQuery) => {
      asked.push(query)
      const seq = (query.beforeSeq ?? 3) - 1
      return { entries: [{ seq, batch: fromUtf8(encodeBatch(batch(seq === 2 ? records : [], to))) }] }
    },
    figures: () => undefined,
    fault: () => undefined,
  }
  await withHeldIntent({ ...intent, policies: { web, ...more } }, 'web', { flows }, run)
  return asked
}
