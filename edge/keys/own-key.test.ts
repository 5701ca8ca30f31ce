// The own key between disk, WireGuard and what is said of it: nothing is said of a key that WireGuard does not have.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { testDevice, testNetwork } from '../link/hub.fake.ts'
import type { PathSelves, PathTalk } from '../paths/path-talk.ts'
import { keyFiles } from './key-files.fake.ts'
import { createOwnKey, type RecordedKey } from './own-key.ts'

const device = testDevice('me', 1)
const DAY_MS = 86_400_000

const enrolled: RecordedKey = { wgKey: device.wgKey, serial: 0, next: undefined }

function rig(who: 'member' | 'nobody' = 'member') {
  const clock = new FakeClock()
  const { files, key } = keyFiles(device.wgKey)
  const spoken: PathSelves[] = []
  const stated: (number | undefined)[] = []
  const talk = { become: (selves: PathSelves) => void spoken.push(selves) } as unknown as PathTalk
  const own = createOwnKey({
    node: device.nodeId,
    network: testNetwork,
    signer: device.signer,
    links: () => [],
    sha256,
    clock,
    log: memoryLog(),
    wgKey: device.wgKey,
    files,
    talk,
    book: { state: (_node, word) => void stated.push(word?.serial) },
    keep: { journal: () => undefined },
    recorded: () => (who === 'member' ? enrolled : undefined),
    isLocked: () => false,
  })
  return { clock, files, key, own, spoken, stated }
}

test('frames go on under the old key, and no word goes out, until WireGuard has the new one', () => {
  const { key, own, spoken, stated } = rig()
  own.programmed()
  spoken.length = 0
  assert.is(own.rotate(), true)
  assert.is(own.wgKey(), key)
  assert.equal([spoken.length, own.statement()], [0, undefined])
  assert.is(stated.at(-1), 1, 'to itself it is known by it')
  assert.is(own.programmed(), true)
  const [selves] = spoken
  assert.equal([selves?.self.wgKey, selves?.former.map(({ wgKey }) => wgKey)], [key, [device.wgKey]])
  assert.is(selves?.statement, own.statement())
  assert.is(own.programmed(), false, 'told once')
})

test('a device that is no member changes nothing: nobody would follow', () => {
  const { files, own } = rig('nobody')
  assert.is(faultOf(() => own.rotate()).code, 'forbidden')
  assert.equal([files.read().next, own.wgKey()], [undefined, device.wgKey])
})

test('former keys are answered to for a month', () => {
  const { clock, files, own } = rig()
  own.programmed()
  own.rotate()
  own.programmed()
  clock.advance(29 * DAY_MS)
  own.programmed()
  assert.is(own.status().retired, 1)
  clock.advance(2 * DAY_MS)
  own.programmed()
  assert.is(own.status().retired, 0)
  assert.is(files.read().retired.length, 0)
})

test.run()
