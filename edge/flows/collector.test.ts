// When the kernel is asked, and what is told of what was missed: by restarts, by full disks, by counters that began anew.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { FlowBatch } from '../../shared/flows/batch.ts'
import { encodeBatch, parseBatch } from '../../shared/flows/batch.ts'
import { parseName } from '../../shared/ids.ts'
import { flowBatchesWaitingMax } from '../../shared/limits.ts'
import type { Enforcement } from '../plan/enforcement.ts'
import { createCollector } from './collector.ts'
import type { FlowSnapshot } from './counters.ts'
import type { FlowLedger } from './ledger.ts'
import type { Serving } from './outside.ts'
import { emptyScene, type Scene } from './scene.ts'

const [source, destination] = [parseAddress('10.7.0.1'), parseAddress('10.7.0.2')]

/** Of a node that opens the flow. */
const policy: Enforcement = { interface: 'hf0', meshPort: 51_822, self: source, phases: [], forwards: [] }
const scene: Scene = { ...emptyScene, policy }

/** One flow of so many packets, in a kernel that counts. */
function snapshotOf(packets: number, epoch = 'e', fresh = false): FlowSnapshot {
  const amount = { packets, bytes: packets * 100 }
  const none = { packets: 0, bytes: 0 }
  const flow = { source, destination, protocol: 6, sourcePort: 4_000, destinationPort: 80, sent: amount, back: none }
  const services = { count: 'asked', all: [] } as const
  return {
    by: 'nft',
    epoch,
    fresh,
    flows: new Map(fresh ? [] : [['flow', flow]]),
    services,
    unroomed: none,
    total: amount,
  }
}

interface Setting {
  readonly batches?: FlowBatch[]
  readonly damaged?: boolean
  readonly serving?: () => Serving | undefined
}

function setUp({ batches = [], damaged = false, serving = () => undefined }: Setting = {}) {
  const clock = new FakeClock()
  const kernel = {
    packets: 0,
    moved: 0 as number | undefined,
    epoch: 'e',
    fresh: false,
    looks: 0,
    tookMs: 0,
    fails: false,
    askedForLed: false,
  }
  const disk = { full: false }
  const reader = {
    moved: () => kernel.moved,
    async read({ led } = { led: false }) {
      kernel.looks += 1
      kernel.askedForLed = led
      clock.advance(kernel.tookMs)
      if (kernel.fails) throw new HoldfastError('failed', 'nft does not answer')
      const { fresh } = kernel
      kernel.fresh = false
      return snapshotOf(kernel.packets, kernel.epoch, fresh)
    },
  }
  const ledger: Pick<FlowLedger, 'append' | 'last'> = {
    append(batch) {
      if (disk.full) throw new HoldfastError('failed', 'full')
      batches.push(parseBatch(encodeBatch(batch)))
    },
    last: () => {
      const batch = batches.at(-1)
      return batch === undefined ? undefined : { seq: batches.length, batch }
    },
  }
  const write = (_doing: string, run: () => void): boolean => {
    try {
      run()
      return true
    } catch {
      return false
    }
  }
  const collector = createCollector({
    clock,
    log: memoryLog(),
    reader,
    ledger,
    boot: () => 1,
    scene: () => scene,
    wayTo: () => undefined,
    serving,
    write,
    damaged,
  })
  const move = (packets: number): void => {
    kernel.packets += packets
    kernel.moved = (kernel.moved ?? 0) + packets
  }
  return { batches, clock, collector, disk, kernel, move }
}

function recordedBy(batches: readonly FlowBatch[]): number {
  return batches.flatMap(({ records }) => records).reduce((sum, { sent }) => sum + sent.packets, 0)
}

function lostBy(batches: readonly FlowBatch[]): readonly unknown[] {
  return batches.flatMap(({ lostBefore }) => lostBefore)
}

test('who asked from outside is looked for while somebody outside is served, and is on record then', async () => {
  let serving: Serving | undefined
  const { batches, collector, kernel, move } = setUp({ serving: () => serving })
  await collector.collect()
  move(2)
  await collector.collect()
  assert.not(kernel.askedForLed)
  const to = { address: destination, port: 80 }
  const place = {
    service: parseName('shop'),
    interface: 'eth1',
    address: destination,
    protocol: 'tcp',
    port: 443,
  } as const
  const led = { by: 'TLS', hostnames: ['shop.example.com'] } as const
  const shop = { ...place, from: [], virtual: destination, servicePort: 80, led }
  const outside = { address: parseAddress('203.0.113.9'), port: 52_100 }
  serving = { places: [shop], gate: [{ port: 4_000, to, outside }] }
  move(3)
  await collector.collect()
  assert.ok(kernel.askedForLed)
  assert.equal(
    batches.flatMap(({ records }) => records.map((record) => [record.sent.packets, record.outside])),
    [
      [2, undefined],
      [3, { ...outside, service: 'shop' }],
    ],
  )
})

test('an idle interface is looked at once a minute, a busy one each ten seconds', async () => {
  const { batches, clock, collector, kernel, move } = setUp()
  collector.start()
  await clock.advanceAsync(600_000)
  assert.is(kernel.looks, 11)
  assert.is(batches.length, 0, 'nothing is written of nothing')
  for (let n = 0; n < 6; n++) {
    move(30)
    await clock.advanceAsync(10_000)
  }
  assert.ok(kernel.looks >= 16, String(kernel.looks))
  assert.is(recordedBy(batches), 180)
  await collector.stop()
})

test('without an interface nothing is asked', async () => {
  const { clock, collector, kernel } = setUp()
  kernel.moved = undefined
  collector.start()
  await clock.advanceAsync(600_000)
  assert.is(kernel.looks, 0)
})

test('a look that takes long makes the next one wait', async () => {
  const { clock, collector, kernel, move } = setUp()
  kernel.tookMs = 400
  collector.start()
  for (let n = 0; n < 24; n++) {
    move(1_000)
    await clock.advanceAsync(10_000)
  }
  assert.ok(kernel.looks <= 7, `${kernel.looks} looks of 400 ms in four minutes`)
})

test('what passed while nobody looked is told to the packet, also after a kill', async () => {
  const { batches, collector, kernel, move } = setUp()
  await collector.collect()
  move(10)
  await collector.collect()
  assert.is(recordedBy(batches), 10)
  const next = setUp({ batches })
  Object.assign(next.kernel, { packets: kernel.packets + 7 })
  await next.collector.collect()
  assert.equal(lostBy(batches), [{ why: 'restart', amount: { packets: 7, bytes: 700 } }])
  next.move(5)
  await next.collector.collect()
  assert.is(recordedBy(batches), 15)
  const quiet = setUp({ batches })
  Object.assign(quiet.kernel, { packets: next.kernel.packets })
  await quiet.collector.collect()
  assert.is(lostBy(batches).length, 1, 'a restart that missed nothing says nothing')
})

test('after a reboot nobody knows how much it was, and that is said', async () => {
  const { batches, collector, move } = setUp()
  await collector.collect()
  move(10)
  await collector.collect()
  const next = setUp({ batches })
  Object.assign(next.kernel, { epoch: 'f', fresh: true })
  await next.collector.collect()
  assert.equal(lostBy(batches), [{ why: 'restart' }])
})

test('counters that somebody cleared begin anew, and that is said', async () => {
  const { batches, collector, kernel, move } = setUp()
  await collector.collect()
  move(10)
  await collector.collect()
  Object.assign(kernel, { packets: 0, epoch: 'f', fresh: true })
  await collector.collect()
  move(3)
  await collector.collect()
  assert.equal(lostBy(batches), [{ why: 'reset' }])
  assert.is(recordedBy(batches), 13)
})

test('a disk that takes no writes costs nothing at first, and then what it costs is said', async () => {
  const { batches, collector, disk, move } = setUp()
  await collector.collect()
  disk.full = true
  for (let n = 0; n < flowBatchesWaitingMax; n++) {
    move(1)
    await collector.collect()
  }
  disk.full = false
  move(1)
  await collector.collect()
  assert.is(recordedBy(batches), flowBatchesWaitingMax + 1)
  assert.equal(lostBy(batches), [])
  disk.full = true
  for (let n = 0; n < flowBatchesWaitingMax + 3; n++) {
    move(2)
    await collector.collect()
  }
  disk.full = false
  move(1)
  await collector.collect()
  const total =
    recordedBy(batches) +
    lostBy(batches).reduce<number>((sum, loss) => sum + (loss as { amount: { packets: number } }).amount.packets, 0)
  assert.is(total, flowBatchesWaitingMax + 1 + 2 * (flowBatchesWaitingMax + 3) + 1)
})

test('a kernel that does not answer disturbs nobody, and nothing is lost by it', async () => {
  const { batches, collector, kernel, move } = setUp()
  await collector.collect()
  move(4)
  kernel.fails = true
  await collector.collect()
  kernel.fails = false
  await collector.collect()
  assert.is(recordedBy(batches), 4)
})

test('a record before that was not whole is told in the first batch', async () => {
  const { batches, collector } = setUp({ damaged: true })
  await collector.collect()
  assert.equal(lostBy(batches), [{ why: 'damaged' }])
})

test('the last look of all is at the end', async () => {
  const { batches, collector, move } = setUp()
  await collector.collect()
  move(9)
  await collector.stop()
  assert.is(recordedBy(batches), 9)
})

test.run()
