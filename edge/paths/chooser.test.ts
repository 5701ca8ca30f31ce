// Who chooses: the rotation, until the engine has found that it can.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type NodeId, parseNodeId } from '../../shared/ids.ts'
import { createChooser } from './chooser.ts'
import type { EndpointBook, EndpointInput } from './endpoint-book.ts'
import type { PathView } from './path.ts'
import type { PathEngine } from './path-engine.ts'

const PEER = parseNodeId('pppppppppppppppp')
const RELAY = parseNodeId('rrrrrrrrrrrrrrrr')
const A = '192.0.2.1:1' as Endpoint
const B = '192.0.2.2:2' as Endpoint
const PARKING = '127.0.0.1:9' as Endpoint
const VIEW: PathView = { mode: 'fast', decides: true, candidates: [], history: [] }

function bookOf(name: string, told: string[], endpoint: Endpoint): EndpointBook & { rise(): void } {
  let revision = 0
  return {
    isQuiet: () => false,
    chosen: new Map<NodeId, Endpoint>([[PEER, endpoint]]),
    revision: () => revision,
    update: () => void told.push(name),
    rise: () => void (revision += 1),
  }
}

function rig(starts: () => Promise<boolean>, expected: ReadonlyMap<NodeId, Endpoint> = new Map()) {
  const told: string[] = []
  const lines: LogLine[] = []
  const rotation = bookOf('rotation', told, A)
  const engine: PathEngine & { rise(): void } = {
    ...bookOf('engine', told, B),
    start: starts,
    stop: async () => void told.push('stop'),
    view: () => VIEW,
    outsideHosts: () => [],
    mapping: () => ({ natType: 'none', mapped: [], relays: [RELAY] }),
    way: () => undefined,
    isAwake: () => true,
    isSilent: () => true,
    isWarm: () => true,
    viaOf: () => RELAY,
    relaySights: () => [],
    stunPlaces: () => [],
    prepare: async () => void told.push('prepare'),
    expect: () => expected,
    uplinkChanged: () => void told.push('uplink'),
    tellKey: () => void told.push('key'),
  }
  return { chooser: createChooser(rotation, engine, memoryLog(lines)), engine, lines, rotation, told }
}

const input = {} as EndpointInput

test('until the engine runs the rotation chooses, and nothing is told of paths', async () => {
  const { chooser, told } = rig(async () => true)
  chooser.update(input)
  assert.equal(told, ['rotation'])
  assert.is(chooser.chosen.get(PEER), A)
  assert.is(chooser.engine(), 'off')
  assert.equal([chooser.view(PEER), chooser.viaOf(A)], [undefined, undefined])
  assert.equal(chooser.mapping(), { natType: 'unknown', mapped: [], relays: [] })
})

test('until then WireGuard waits where it knows no place, if somebody notices what it says', async () => {
  const { chooser, told } = rig(async () => true, new Map([[PEER, PARKING]]))
  const before = chooser.revision()
  await chooser.prepare()
  chooser.update(input)
  assert.equal(told, ['prepare'])
  assert.is(chooser.chosen.get(PEER), PARKING)
  assert.ok(chooser.revision() > before, 'it is to be set')
  await chooser.start()
  assert.is(chooser.chosen.get(PEER), B)
})

test('from then on the engine does', async () => {
  const { chooser, lines, told } = rig(async () => true)
  const before = chooser.revision()
  await chooser.start()
  assert.ok(chooser.revision() > before, 'what is chosen is other than before')
  chooser.update(input)
  assert.equal(told, ['engine'])
  assert.is(chooser.chosen.get(PEER), B)
  assert.is(chooser.engine(), 'on')
  assert.equal([chooser.view(PEER), chooser.viaOf(A)], [VIEW, RELAY])
  assert.is(chooser.mapping().natType, 'none')
  assert.equal(lines, [])
  await chooser.stop()
  assert.is(told.at(-1), 'stop')
})

for (const [how, starts] of [
  ['finds that it can’t', async () => false],
  ['breaks', async () => Promise.reject(new HoldfastError('failed', 'no nft'))],
] as const) {
  test(`where the engine ${how}, the rotation goes on, and the log says so`, async () => {
    const { chooser, lines, rotation, told } = rig(starts)
    await chooser.start()
    chooser.update(input)
    assert.equal(told, ['rotation'])
    assert.is(chooser.engine(), 'off')
    const before = chooser.revision()
    rotation.rise()
    assert.ok(chooser.revision() > before)
    assert.ok(lines.some(({ level, message }) => level === 'warn' && message.includes('take turns')))
  })
}

test('without an engine there is the rotation, silently', async () => {
  const lines: LogLine[] = []
  const chooser = createChooser(bookOf('rotation', [], A), undefined, memoryLog(lines))
  await chooser.start()
  assert.is(chooser.chosen.get(PEER), A)
  assert.equal(lines, [])
  await chooser.stop()
})

test.run()
