// Flows on their way to a collector, over real HTTP: by the names that others read, and with no harm from one that is away.

import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { FakeClock, type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import type { Clock } from '../../shared/effects.ts'
import { otlpRecordsWaitingMax } from '../../shared/flow-limits.ts'
import type { FlowBatch, FlowRecord } from '../../shared/flows/batch.ts'
import { createFlowTally } from '../../shared/flows/tally.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { parseName } from '../../shared/ids.ts'
import type { FlowExport } from './flow-export.ts'
import { createOtlpExport } from './otlp-export.ts'

interface Value {
  readonly stringValue?: string
  readonly intValue?: number
  readonly arrayValue?: { readonly values: readonly Value[] }
}

interface Logged {
  readonly eventName: string
  readonly timeUnixNano: string
  readonly severityNumber: number
  readonly body: Value
  readonly attributes: readonly { readonly key: string; readonly value: Value }[]
}

interface Point {
  readonly asInt?: number
  readonly asDouble?: number
  readonly attributes: Logged['attributes']
}

interface Got {
  readonly logs: Logged[]
  readonly metrics: Map<string, readonly Point[]>
  readonly headers: IncomingHttpHeaders[]
}

interface Body {
  readonly resourceLogs?: readonly { readonly scopeLogs: readonly { readonly logRecords: readonly Logged[] }[] }[]
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string
        readonly sum?: { dataPoints: Point[] }
        readonly gauge?: { dataPoints: Point[] }
      }[]
    }[]
  }[]
}

const reporter = { name: 'plc-7', network: 'default' }
const source = parseAddress('10.7.0.1')
const destination = parseAddress('10.7.0.2')

function batchOf(records: readonly Partial<FlowRecord>[], more: Partial<FlowBatch> = {}): FlowBatch {
  const counts = { by: 'nft', epoch: 'e', total: { packets: 1, bytes: 2 } } as const
  const whole = records.map(
    (one): FlowRecord => ({
      source,
      destination,
      protocol: 6,
      sourcePort: 40_000,
      destinationPort: 502,
      direction: 'ingress',
      verdict: 'accept',
      reason: { kind: 'rule', policy: 'plc', tier: 'Standard', direction: 'ingress', index: 1, name: 'modbus' },
      sent: { packets: 3, bytes: 180 },
      back: { packets: 2, bytes: 120 },
      path: 'relay',
      via: 'hill',
      ...one,
    }),
  )
  const ends = [{ address: source, name: 'shop-1', node: 'shop-1', labels: { role: 'shop' } }, { address: destination }]
  const to = 1_700_000_000_000
  return { from: to - 10_000, to, boot: 1, revision: '1.7', counts, ends, records: whole, lostBefore: [], ...more }
}

/** A collector that answers as it is told; port 0 of one that is not there. */
async function collector(
  answer: (got: Got) => number | 'never',
): Promise<{ got: Got; url: string; close: () => void }> {
  const got: Got = { logs: [], metrics: new Map(), headers: [] }
  const server: Server = createServer((request, response) => {
    const take = async (): Promise<void> => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
      const bytes = Buffer.concat(chunks)
      const body = JSON.parse(
        String(request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes),
      ) as Body
      got.headers.push(request.headers)
      const status = answer(got)
      if (status === 'never') return
      if (status === 200) {
        for (const { scopeLogs } of body.resourceLogs ?? [])
          got.logs.push(...scopeLogs.flatMap((one) => one.logRecords))
        for (const { scopeMetrics } of body.resourceMetrics ?? []) {
          for (const { gauge, name, sum } of scopeMetrics.flatMap((one) => one.metrics)) {
            got.metrics.set(name, (sum ?? gauge)?.dataPoints ?? [])
          }
        }
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    }
    void take()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    got,
    url: `http://127.0.0.1:${port}/`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const tally = createFlowTally()

function exportTo(endpoint: string, log = memoryLog(), clock: Clock = systemClock): FlowExport {
  return createOtlpExport({
    endpoint,
    headers: { authorization: 'Bearer s3cret' },
    version: '1.2.3',
    figures: () => ({
      tallies: [[parseName('default'), tally]],
      ledgers: [
        {
          node: 'a' as never,
          name: parseName('plc-7'),
          network: parseName('default'),
          count: 3,
          head: '',
          told: 5,
          at: 1,
        },
      ],
      store: { batches: 0, bytes: 0 },
      failing: false,
    }),
    clock,
    log,
    delayMs: 5,
    metricsMs: 50,
  })
}

async function until(what: () => boolean): Promise<void> {
  const deadline = systemClock.monotonic() + 40_000
  while (!what()) {
    if (systemClock.monotonic() > deadline) throw new TypeError(`waited in vain for ${String(what)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function plain({ attributes }: Pick<Logged, 'attributes'>): Record<string, unknown> {
  const of = ({ arrayValue, intValue, stringValue }: Value): unknown =>
    stringValue ?? (arrayValue === undefined ? Number(intValue) : arrayValue.values.map(of))
  return Object.fromEntries(attributes.map(({ key, value }) => [key, of(value)]))
}

test('a flow is a log record by the names of the conventions, and the token goes along', async () => {
  const { close, got, url } = await collector(() => 200)
  const out = exportTo(url)
  out.note(reporter, 9, batchOf([{}], { lostBefore: [{ why: 'full', amount: { packets: 4, bytes: 40 } }] }))
  const reason: FlowRecord['reason'] = { kind: 'isolated', direction: 'egress', policies: ['a', 'b'] }
  const dropped = { verdict: 'drop', reason } as const
  const six = { source: parseAddress('fd00::1'), destination: parseAddress('fd00::2'), protocol: 58 }
  out.note(reporter, 10, batchOf([{ ...dropped, ...six, direction: 'egress' }]))
  await until(() => got.logs.length === 3)
  const [loss, flow, denied] = got.logs
  assert.is(flow?.eventName, 'holdfast.flow')
  assert.is(flow?.timeUnixNano, '1700000000000000000')
  assert.is(flow?.severityNumber, 9)
  assert.is(flow?.body.stringValue, 'accepted shop-1 → 10.7.0.2 tcp 502')
  assert.equal(plain(flow ?? { attributes: [] }), {
    'source.address': '10.7.0.1',
    'holdfast.source.name': 'shop-1',
    'holdfast.source.node': 'shop-1',
    'holdfast.source.label.role': 'shop',
    'destination.address': '10.7.0.2',
    'source.port': 40_000,
    'destination.port': 502,
    'network.transport': 'tcp',
    'network.type': 'ipv4',
    'network.io.direction': 'receive',
    'holdfast.node': 'plc-7',
    'holdfast.network': 'default',
    'holdfast.verdict': 'accept',
    'holdfast.reason': 'rule',
    'holdfast.path': 'relay',
    'holdfast.path.via': 'hill',
    'holdfast.revision': '1.7',
    'holdfast.batch': 9,
    'holdfast.flow.start': 1_699_999_990_000,
    'holdfast.flow.count': 1,
    'holdfast.sent.packets': 3,
    'holdfast.sent.bytes': 180,
    'holdfast.back.packets': 2,
    'holdfast.back.bytes': 120,
    'holdfast.policy.name': 'plc',
    'holdfast.policy.tier': 'Standard',
    'holdfast.policy.rule': 'ingress[1]',
    'holdfast.policy.rule.name': 'modbus',
  })
  assert.equal([loss?.eventName, plain(loss ?? { attributes: [] })['holdfast.loss.packets']], ['holdfast.flow.loss', 4])
  const told = plain(denied ?? { attributes: [] })
  assert.equal([denied?.severityNumber, told['network.type'], told['network.transport']], [13, 'ipv6', 'icmpv6'])
  assert.equal([told['network.io.direction'], told['holdfast.policy.names']], ['transmit', ['a', 'b']])
  assert.ok(got.headers.every(({ authorization }) => authorization === 'Bearer s3cret'))
  await out.stop()
  assert.equal(out.figures(), { offered: 3, delivered: 3, dropped: 0, failing: false })
  close()
})

test('metrics are sums, and as few as verdicts, directions and paths', async () => {
  const { close, got, url } = await collector(() => 200)
  tally.note(batchOf([{}, { destinationPort: 80 }], { lostBefore: [{ why: 'restart' }] }))
  const out = exportTo(url)
  await until(() => got.metrics.size >= 6)
  const [point] = got.metrics.get('holdfast.flow.packets') ?? []
  assert.is(Number(point?.asInt ?? point?.asDouble), 10)
  assert.equal(plain(point ?? { attributes: [] }), {
    'holdfast.network': 'default',
    'holdfast.verdict': 'accept',
    'network.io.direction': 'receive',
    'holdfast.path': 'relay',
  })
  assert.is(got.metrics.get('holdfast.flow.losses')?.length, 1)
  const [behind] = got.metrics.get('holdfast.flow.ledger.behind') ?? []
  assert.is(Number(behind?.asInt ?? behind?.asDouble), 2)
  await out.stop()
  close()
})

for (const [what, answer] of [
  ['refuses', () => 401],
  ['never answers', () => 'never' as const],
] as const) {
  test(`a collector that ${what} holds nothing up: so many wait, the rest is dropped and counted`, async () => {
    const { close, url } = await collector(answer)
    const lines: LogLine[] = []
    const clock = new FakeClock()
    const out = exportTo(url, memoryLog(lines), clock)
    const many = batchOf(Array.from({ length: 500 }, (_, n) => ({ sourcePort: n })))
    const before = process.cpuUsage()
    for (let n = 0; n < 30; n++) out.note(reporter, n, many)
    // Of the processor, and not of the clock: a busy machine does other things meanwhile.
    assert.ok(process.cpuUsage(before).user < 5_000_000)
    await until(() => out.figures().dropped > 0)
    const { delivered, dropped, offered } = out.figures()
    assert.equal([offered, delivered], [15_000, 0])
    assert.ok(dropped >= 15_000 - otlpRecordsWaitingMax, String(dropped))
    await until(() => lines.some(({ message }) => message.includes('takes no flows')))
    assert.not.match(JSON.stringify(lines), /s3cret/)
    const stopped = out.stop()
    // What was given to say goodbye is over, whatever the collector does.
    clock.advance(2_000)
    await stopped
    close()
  })
}

test('one that is not there is no trouble, and one that comes back gets what comes then', async () => {
  let isUp = false
  const { close, got, url } = await collector(() => (isUp ? 200 : 400))
  const out = exportTo(url)
  out.note(reporter, 1, batchOf([{}]))
  await until(() => out.figures().failing)
  isUp = true
  out.note(reporter, 2, batchOf([{}]))
  await until(() => got.logs.length === 1)
  await out.stop()
  assert.equal(out.figures(), { offered: 2, delivered: 1, dropped: 1, failing: false })
  close()
  const nowhere = exportTo('http://127.0.0.1:9')
  nowhere.note(reporter, 1, batchOf([{}]))
  await nowhere.stop()
})

test.run()
