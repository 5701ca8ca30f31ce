// Words of the kernel and of nft about flows, read; hostile ones never throw.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { flowTableName, renderFlowTable } from '../plan/nft-flows.ts'
import type { RunOptions } from './command.ts'
import { packetsMoved } from './flows.ts'
import { parseListing } from './nft-flow-listing.ts'
import { createNftFlows } from './nft-flows.ts'

function set(name: string, elem?: readonly (readonly [string, number, number])[]): object {
  const listed = elem?.map(([words, packets, bytes]) => {
    const concat = words.split(' ').map((word) => (/[.:]/.test(word) ? word : Number(word)))
    return { elem: { val: { concat }, expires: 299, counter: { packets, bytes } } }
  })
  return { set: { family: 'inet', name, table: 'holdfast_flows', size: 8_192, ...(listed && { elem: listed }) } }
}
function counter(name: string, packets: number, bytes: number): object {
  return { counter: { family: 'inet', name, table: 'holdfast_flows', handle: 1, packets, bytes } }
}

const LISTING = JSON.stringify({
  nftables: [
    { metainfo: { version: '1.0.6', json_schema_version: 1 } },
    { table: { family: 'inet', name: 'holdfast_flows', handle: 1 } },
    counter('epoch_0a_x1', 0, 0),
    counter('total', 9, 900),
    counter('unroomed', 2, 80),
    counter('unasked', 1, 40),
    set('sent4', [
      ['10.7.0.1 10.7.0.2 6 40000 80', 3, 180],
      ['10.7.0.1 10.7.0.2 1 77 2048', 1, 84],
    ]),
    set('back4', [['10.7.0.1 10.7.0.2 6 40000 80', 2, 1_200]]),
    set('more_sent4', [['10.7.0.1 10.7.0.2 17 53', 5, 500]]),
    set('sent6'),
    set('asked4', [
      ['10.7.0.1 10.7.0.2 6 80', 3, 180],
      ['10.7.0.1 10.7.0.2 1 2048', 1, 84],
      ['10.7.0.1 10.7.0.2 1 3328', 2, 80],
    ]),
    set('asked6', [['fd07::1 fd07::2 58 32768', 2, 208]]),
    { chain: { family: 'inet', table: 'holdfast_flows', name: 'before', handle: 9 } },
    { rule: { family: 'inet', table: 'holdfast_flows', chain: 'before', handle: 11, expr: [{ return: null }] } },
  ],
})

const [from, to] = ['10.7.0.1', '10.7.0.2']

test('both ways of a flow are one; services beyond have no source port; types of ICMP are one', () => {
  const { counters, flows, services, total, unroomed } = parseListing(LISTING)
  assert.equal(
    [...flows.values()],
    [
      {
        source: from,
        destination: to,
        protocol: 6,
        destinationPort: 80,
        sourcePort: 40_000,
        sent: { packets: 3, bytes: 180 },
        back: { packets: 2, bytes: 1_200 },
      },
      {
        source: from,
        destination: to,
        protocol: 1,
        destinationPort: 0,
        sourcePort: 77,
        sent: { packets: 1, bytes: 84 },
        back: { packets: 0, bytes: 0 },
      },
      {
        source: from,
        destination: to,
        protocol: 17,
        destinationPort: 53,
        sent: { packets: 5, bytes: 500 },
        back: { packets: 0, bytes: 0 },
      },
    ],
  )
  assert.equal(services, {
    count: 'asked',
    all: [
      { source: from, destination: to, protocol: 6, destinationPort: 80, amount: { packets: 3, bytes: 180 } },
      { source: from, destination: to, protocol: 1, destinationPort: 0, amount: { packets: 3, bytes: 164 } },
      {
        source: 'fd07::1',
        destination: 'fd07::2',
        protocol: 58,
        destinationPort: 0,
        amount: { packets: 2, bytes: 208 },
      },
    ],
  })
  assert.equal(total, { packets: 9, bytes: 900 })
  assert.equal(unroomed, { packets: 3, bytes: 120 })
  assert.ok(counters.has('epoch_0a_x1'))
})

test('a hostile listing yields whole numbers and addresses, or is refused as none', () => {
  let read = 0
  fc.assert(
    fc.property(hostileBytes(utf8(LISTING)), (bytes) => {
      let listing: ReturnType<typeof parseListing>
      try {
        listing = parseListing(fromUtf8(bytes))
      } catch (error) {
        assert.ok(isHoldfastError(error, 'unsupported') || isHoldfastError(error, 'invalid'), String(error))
        return
      }
      read++
      for (const { back, destinationPort, protocol, sent } of listing.flows.values()) {
        assert.ok(Number.isSafeInteger(sent.bytes + back.bytes) && protocol <= 255 && destinationPort <= 65_535)
      }
    }),
    // The damage may leave nothing to read in any run.
    { examples: [[utf8(LISTING)]] },
  )
  assert.ok(read > 0)
})

test('elements of other shapes are left out', () => {
  const sound = set('sent4', [['10.7.0.1 10.7.0.2 6 40000 80', 3, 180]]) as { set: { elem: object[] } }
  const concat = ['10.7.0.1', '10.7.0.2', 6, 40_000, 80]
  const count = { packets: 1, bytes: 1 }
  sound.set.elem.push(
    ...[null, 5, 'word', [], {}, { concat }, { elem: null }, { elem: { val: null, counter: count } }].map(
      (one) => one as object,
    ),
    { elem: { val: { concat }, counter: { packets: -1, bytes: 1 } } },
    { elem: { val: { concat } } },
    ...[
      concat.slice(1),
      [...concat, 1],
      ['10.7.0.1', 'nobody', 6, 1, 80],
      ['10.7.0.1', 7, 6, 1, 80],
      ['10.7.0.1', '10.7.0.2', 'udp', 1, 80],
      ['10.7.0.1', '10.7.0.2', 256, 1, 80],
      ['10.7.0.1', '10.7.0.2', 6, 1.5, 80],
      ['10.7.0.1', '10.7.0.2', 6, 1, 65_536],
    ].map((words) => ({ elem: { val: { concat: words }, counter: count } })),
  )
  const { flows } = parseListing(JSON.stringify({ nftables: [sound] }))
  assert.equal(
    [...flows.values()].map(({ sent }) => sent),
    [{ packets: 3, bytes: 180 }],
  )
  for (const text of ['', '[]', '{"nftables": 5}', '{"nftables": [{"set": {"name": 5}}]}']) {
    assert.throws(() => parseListing(text), /lists tables in a way/)
  }
})

/** nft that keeps what it is told. */
function fakeNft() {
  let held: string | undefined
  const loads: string[] = []
  const run = async (_program: string, args: readonly string[], { input = '' }: RunOptions = {}): Promise<string> => {
    if (args.includes('list')) {
      if (held === undefined) throw new HoldfastError('failed', 'nft list: Error: No such file or directory')
      return held
    }
    loads.push(input)
    const counters = [...input.matchAll(/^counter (\w+) \{/gm)].map(([, name = '']) => counter(name, 0, 0))
    held = JSON.stringify({ nftables: counters })
    return ''
  }
  return { run, loads, set: (text: string | undefined) => void (held = text) }
}

test('the table is made once, adopted by the next process, and made anew where it is gone or of another version', async () => {
  const nft = fakeNft()
  const clock = new FakeClock()
  const first = createNftFlows(nft.run, 'hf0', clock)
  const made = await first.read()
  assert.ok(made.fresh)
  assert.is((await first.read()).epoch, made.epoch)
  assert.not((await first.read()).fresh)
  const next = await createNftFlows(nft.run, 'hf0', clock).read()
  assert.equal([next.epoch, next.fresh], [made.epoch, false])
  assert.is(nft.loads.length, 1)
  assert.ok((await createNftFlows(nft.run, 'hf1', clock).read()).fresh, 'another interface')
  nft.set(undefined)
  clock.advance(1)
  const anew = await createNftFlows(nft.run, 'hf1', clock).read()
  assert.ok(anew.fresh && anew.epoch !== made.epoch)
})

test('the text of the table is the same for the same input, replaces the one before, and names no other table', () => {
  const text = renderFlowTable('hf0', 'epoch_1')
  assert.is(text, renderFlowTable('hf0', 'epoch_1'))
  assert.ok(text.startsWith(`table inet ${flowTableName} {\n`))
  assert.not(/\bdrop\b|\breject\b/.test(text), 'it decides nothing')
  for (const [, hook, when] of text.matchAll(/hook (\w+) priority filter (. 1)/g)) assert.ok(hook && when)
})

const DEVICES = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    1564      18    0    0    0     0          0         0     1564      18    0    0    0     0       0          0
  hf0:  500      5    0    0    0     0          0         0      700       7    0    0    0     0       0          0
hf01:1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0
`

test('packets of the interface are counted both ways, and of no other', () => {
  assert.is(packetsMoved(DEVICES, 'hf0'), 12)
  assert.is(packetsMoved(DEVICES, 'hf01'), 6)
  assert.is(packetsMoved(DEVICES, 'hf'), undefined)
  assert.is(packetsMoved('hf0: what', 'hf0'), undefined)
})

test.run()
