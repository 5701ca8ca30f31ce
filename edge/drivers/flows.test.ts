// Words of the kernel and of nft about flows, read; hostile ones never throw.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { FakeClock } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { flowTableName, renderFlowTable } from '../plan/nft-flows.ts'
import type { RunOptions } from './command.ts'
import { packetsMoved } from './flows.ts'
import { parseListing } from './nft-flow-listing.ts'
import { createNftFlows } from './nft-flows.ts'

const LISTING = `table inet holdfast_flows {
	counter epoch_0a_x1 {
		packets 0 bytes 0
	}

	counter total {
		packets 9 bytes 900
	}
	counter unroomed {
		packets 2 bytes 80
	}
	counter unasked {
		packets 1 bytes 40
	}
	set sent4 {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service
		size 8192
		flags dynamic,timeout
		counter
		timeout 5m
		elements = { 10.7.0.1 . 10.7.0.2 . 6 . 40000 . 80 counter packets 3 bytes 180 expires 4m59s780ms,
			     10.7.0.1 . 10.7.0.2 . 1 . 77 . 2048 timeout 5m expires 4m50s counter packets 1 bytes 84 }
	}
	set back4 {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service
		elements = { 10.7.0.1 . 10.7.0.2 . 6 . 40000 . 80 counter packets 2 bytes 1200 expires 4m59s780ms }
	}
	set more_sent4 {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service
		elements = { 10.7.0.1 . 10.7.0.2 . 17 . 53 counter packets 5 bytes 500 expires 1s }
	}
	set sent6 {
		type ipv6_addr . ipv6_addr . inet_proto . inet_service . inet_service
	}
	set asked4 {
		elements = { 10.7.0.1 . 10.7.0.2 . 6 . 80 counter packets 3 bytes 180 expires 1s,
			     10.7.0.1 . 10.7.0.2 . 1 . 2048 counter packets 1 bytes 84 expires 1s,
			     10.7.0.1 . 10.7.0.2 . 1 . 3328 counter packets 2 bytes 80 expires 1s }
	}
	set asked6 {
		elements = { fd07::1 . fd07::2 . 58 . 32768 counter packets 2 bytes 208 expires 1s }
	}

	chain before {
		ct direction reply return
		counter name "unasked"
	}
}
`

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

test('a hostile listing yields whole numbers and addresses, or nothing', () => {
  fc.assert(
    fc.property(hostileBytes(utf8(LISTING)), (bytes) => {
      let text: string
      try {
        text = fromUtf8(bytes)
      } catch {
        return
      }
      for (const { back, destinationPort, protocol, sent } of parseListing(text).flows.values()) {
        assert.ok(Number.isSafeInteger(sent.bytes + back.bytes) && protocol <= 255 && destinationPort <= 65_535)
      }
    }),
  )
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
    held = input.replaceAll(/counter (\w+) \{\n\}/g, 'counter $1 {\n packets 0 bytes 0\n}')
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
