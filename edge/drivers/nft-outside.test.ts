// What the kernel tells of flows that it led, read; hostile words never throw.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { hostileBytes } from '../../shared/fuzz.fake.ts'
import { renderOutside } from '../plan/nft-outside.ts'
import type { RunOptions } from './command.ts'
import { createNftOutside, parseOutside } from './nft-outside.ts'

function set(name: string, ...elements: readonly (readonly (string | number)[])[]): object {
  const elem = elements.map((concat) => ({ elem: { val: { concat }, expires: 149 } }))
  return { set: { family: 'inet', name, table: 'holdfast_outside', ...(elem.length > 0 && { elem }) } }
}

const LISTING = JSON.stringify({
  nftables: [
    { metainfo: { version: '1.0.6' } },
    { counter: { name: 'v_0a', packets: 0, bytes: 0 } },
    set('led_tcp4', ['192.168.77.11', 50_000, 61_000, '10.7.0.2', 8_080], ['192.168.77.12', 1, 1, '10.7.0.2', 8_080]),
    set('asked_tcp4', ['192.168.77.11', 50_000, '192.168.77.1', 8_000, 61_000]),
    set('asked_udp6', ['fd00:77::11', 5_000, 'fd00:77::1', 53, 5_000]),
    set('led_udp6', ['fd00:77::11', 5_000, 5_000, 'fd07::2', 5_300]),
    set('asked_tcp6'),
    { rule: { chain: 'led', expr: [] } },
  ],
})

test('both ends of a flow are one, of each protocol and family; half of one is none', () => {
  const { led, marks } = parseOutside(LISTING)
  const [tcp, udp] = [6, 17]
  assert.equal(led, [
    {
      protocol: tcp,
      source: '192.168.77.11',
      sourcePort: 50_000,
      by: 61_000,
      backend: '10.7.0.2',
      backendPort: 8_080,
      destination: '192.168.77.1',
      destinationPort: 8_000,
    },
    {
      protocol: udp,
      source: 'fd00:77::11',
      sourcePort: 5_000,
      by: 5_000,
      backend: 'fd07::2',
      backendPort: 5_300,
      destination: 'fd00:77::1',
      destinationPort: 53,
    },
  ])
  assert.equal([...marks], ['v_0a'])
})

test('what can’t be told apart is nobody’s: one port of one client, for two services at once', () => {
  const asked = set('asked_tcp4', ['192.0.2.1', 5, '10.0.0.1', 80, 5], ['192.0.2.1', 5, '10.0.0.1', 81, 5])
  const gone = set('led_tcp4', ['192.0.2.1', 5, 5, '10.7.0.2', 8_080], ['192.0.2.1', 5, 5, '10.7.0.3', 8_080])
  assert.equal(parseOutside(JSON.stringify({ nftables: [asked, gone] })).led, [])
})

test('hostile listings yield ports and addresses, or are refused as none', () => {
  let read = 0
  fc.assert(
    fc.property(hostileBytes(utf8(LISTING)), (bytes) => {
      try {
        for (const { backendPort, by, sourcePort } of parseOutside(fromUtf8(bytes)).led) {
          assert.ok(
            [backendPort, by, sourcePort].every((port) => Number.isInteger(port) && port >= 0 && port <= 65_535),
          )
        }
        read++
      } catch (error) {
        assert.ok(isHoldfastError(error, 'unsupported') || isHoldfastError(error, 'invalid'), String(error))
      }
    }),
    // The damage may leave nothing to read in any run.
    { examples: [[utf8(LISTING)]] },
  )
  assert.ok(read > 0)
  for (const elem of [null, 5, {}, { elem: null }, { elem: { val: 'x' } }, { elem: { val: { concat: [1, 2] } } }]) {
    assert.equal(parseOutside(JSON.stringify({ nftables: [{ set: { name: 'led_tcp4', elem: [elem] } }] })).led, [])
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
    const [, mark] = /^counter (\w+) \{/m.exec(input) ?? []
    const [counter, ...sets] = [
      { counter: { name: mark } },
      ...(JSON.parse(LISTING) as { nftables: object[] }).nftables,
    ]
    held = mark === undefined ? undefined : JSON.stringify({ nftables: [counter, ...sets] })
    return ''
  }
  return { run, loads }
}

test('the table is laid once, adopted by the next process, laid anew for another interface, and taken away once', async () => {
  const nft = fakeNft()
  const first = createNftOutside(nft.run, 'hf0')
  assert.equal(await first.read(), [])
  assert.is((await first.read()).length, 2)
  assert.is((await createNftOutside(nft.run, 'hf0').read()).length, 2)
  assert.is(nft.loads.length, 1)
  assert.equal(await createNftOutside(nft.run, 'hf1').read(), [])
  await first.remove()
  await first.remove()
  assert.is(nft.loads.length, 3)
  assert.equal(await first.read(), [], 'wanted again')
  assert.is(nft.loads.length, 4)
})

test('the text decides nothing, and no key of it has more parts than nft joins', () => {
  const text = renderOutside('hf0', 'v')
  assert.not(/\bdrop\b|\breject\b|\bdnat to\b|masquerade/.test(text))
  for (const [, type = ''] of text.matchAll(/\ttype (ipv.*)$/gm)) assert.is(type.split(' . ').length, 5)
  assert.is([...text.matchAll(/^set /gm)].length, 8)
})

test.run()
