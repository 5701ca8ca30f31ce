// What nft says of whom a host leads out: words of another program, of several versions.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { internetBlocks } from '../plan/internet.ts'
import { renderRuleset } from '../plan/nft.ts'
import { openLed, parseLed } from './led-out.ts'

const COUNTERS = JSON.stringify({
  nftables: [
    { metainfo: { version: '1.0.6', json_schema_version: 1 } },
    { counter: { family: 'inet', name: 'led_out4', table: 'holdfast', handle: 2, packets: 3, bytes: 180 } },
    { counter: { family: 'inet', name: 'led_back4', table: 'holdfast', handle: 3, packets: 2, bytes: 9_120 } },
  ],
})
const set = (elem?: readonly unknown[]): string =>
  JSON.stringify({ nftables: [{ set: { name: 'led4', type: 'ipv4_addr', timeout: 300, ...(elem && { elem }) } }] })
const figures = { family: 4, out: { packets: 3, bytes: 180 }, back: { packets: 2, bytes: 9_120 } }

test('nodes are elements, and an empty set has none', () => {
  const elem = { elem: { val: '10.77.0.3', expires: 299 } }
  assert.equal(parseLed([COUNTERS, set([elem])], [4]), [{ ...figures, nodes: 1 }])
  assert.equal(parseLed([COUNTERS, set()], [4]), [{ ...figures, nodes: 0 }])
})

test('a family that is not counted is not told, and what is no figure is refused', () => {
  assert.equal(parseLed([COUNTERS, set()], [4, 6]).length, 1)
  assert.throws(() => parseLed([COUNTERS.replace('180', '-1')], [4]))
  assert.throws(() => parseLed(['{}'], [4]))
})

test('only what the table counts is asked for, and nothing where it counts nothing', async () => {
  const asked: string[] = []
  const led = openLed(async (_program, args) => {
    asked.push(args.join(' '))
    return args[2] === 'counters' ? COUNTERS : set()
  })
  assert.equal(await led.read(), [])
  led.laid(renderRuleset({ interface: 'hf0', mesh: [], forwards: [], leadsOut: internetBlocks([]).slice(0, 3) }))
  assert.equal(await led.read(), [{ ...figures, nodes: 0 }])
  assert.equal(asked, ['-j list counters table inet holdfast', '-j list set inet holdfast led4'])
  led.laid(renderRuleset({ interface: 'hf0', mesh: [], forwards: [] }))
  assert.equal(await led.read(), [])
})

test.run()
