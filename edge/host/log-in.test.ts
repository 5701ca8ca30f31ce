// What the agent does when the broker refuses it: asks the hub, keeps what it gets, and asks ever more rarely.

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toBase64 } from '../../shared/bytes.ts'
import { FakeClock, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseDeviceKey, parseName, parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import type { Anchor, BrokerLogIn } from '../../shared/wire/enrol.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { Identity } from '../identity.ts'
import { createLogIn } from './log-in.ts'

const key = toBase64(new Uint8Array(32).fill(9))
const identity: Identity = {
  nodeId: parseNodeId('aaaaaaaaaaaaaaaa'),
  name: parseName('alpha'),
  network: { id: parseNetworkId('aaaaaaaaaaaa'), name: parseName('mesh') },
  hubUrl: 'https://hub.test:8443',
  anchor: { rootKey: parseDeviceKey(key), tlsAuthority: key },
  keys: ['a2V5'],
  broker: { urls: ['mqtts://hub.test:8883'], username: 'aaaaaaaaaaaaaaaa', password: 'old' },
}
const given: BrokerLogIn = {
  url: 'mqtts://broker.test:1',
  webSocketPath: '/mqtt',
  username: identity.nodeId,
  password: 'new',
}

function rig(
  answer: () => Promise<BrokerLogIn>,
  directory = mkdtempSync(join(tmpdir(), 'hf-login-')),
  vouch: (held: Anchor) => Promise<Anchor> = async (held) => ({ ...held, tlsAuthority: 'bmV3' }),
) {
  const clock = new FakeClock()
  const files = { identity: join(directory, 'identity.json') }
  const renewed: Identity[] = []
  let asked = 0
  const logIn = createLogIn({
    identity,
    files,
    askLogIn: () => {
      asked += 1
      return answer()
    },
    askAuthority: ({ anchor }) => {
      asked += 1
      return vouch(anchor)
    },
    clock,
    entropy: { fraction: () => 1 },
    log: memoryLog(),
    onRenewed: (next) => void renewed.push(next),
  })
  const close = (): void => rmSync(directory, { recursive: true, force: true })
  return { asked: () => asked, clock, close, files, logIn, renewed }
}

test('new credentials and ways to the broker are in use at once, and on the disk for this user alone', async () => {
  const { close, files, logIn, renewed } = rig(async () => given)
  await logIn.refused()
  const broker = {
    urls: ['mqtts://broker.test:1', 'wss://hub.test:8443/mqtt'],
    username: identity.nodeId,
    password: 'new',
  }
  assert.equal(renewed, [{ ...identity, broker }])
  assert.equal(loadIdentity(files), { ...identity, broker })
  assert.is(statSync(files.identity).mode & 0o777, 0o600)
  assert.match(readFileSync(files.identity, 'utf8'), /"new"/)
  close()
})

test('another TLS authority that the root vouches for takes the place of the old one, beside the same credentials', async () => {
  const { clock, close, files, logIn, renewed } = rig(async () => given)
  await logIn.distrusted()
  const anchor = { ...identity.anchor, tlsAuthority: 'bmV3' }
  assert.equal(loadIdentity(files), { ...identity, anchor })
  clock.advance(1_000)
  await logIn.refused()
  assert.equal(
    renewed.map((next) => [next.anchor.tlsAuthority, next.broker.password]),
    [
      ['bmV3', 'old'],
      ['bmV3', 'new'],
    ],
  )
  assert.equal(loadIdentity(files), renewed[1])
  close()
})

test('a disk that takes no writes does not keep the device out', async () => {
  const { close, logIn, renewed } = rig(async () => given, '/proc/nowhere')
  await logIn.refused()
  assert.is(renewed[0]?.broker.password, 'new')
  close()
})

test('a hub that says no is asked after a minute, then ever more rarely, once an hour at last', async () => {
  const { asked, clock, close, logIn } = rig(async () => {
    throw new HoldfastError('forbidden', 'no member')
  })
  const gapsS: number[] = []
  let lastS = 0
  for (let s = 0; s < 6 * 3_600; s += 10) {
    const before = asked()
    await logIn.refused()
    if (asked() > before && s > 0) gapsS.push(s - lastS)
    if (asked() > before) lastS = s
    clock.advance(10_000)
  }
  assert.equal(gapsS, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600, 3_600])
  close()
})

test('a stranger’s refusal does not keep the device from asking the hub', async () => {
  const { asked, clock, close, logIn } = rig(
    async () => given,
    undefined,
    async () => {
      throw new HoldfastError('forbidden', 'says a stranger')
    },
  )
  await logIn.distrusted()
  clock.advance(1_000)
  await logIn.refused()
  assert.is(asked(), 2)
  close()
})

test('a hub that is away is asked at the pace of the link; a success begins anew', async () => {
  let down = true
  const { asked, clock, close, logIn } = rig(async () => {
    if (down) throw new HoldfastError('unreachable', 'away')
    return given
  })
  for (let i = 0; i < 12; i++) {
    await logIn.refused()
    clock.advance(300_000)
  }
  assert.is(asked(), 12)
  down = false
  await logIn.refused()
  logIn.accepted()
  await logIn.refused()
  assert.is(asked(), 14)
  close()
})

test('credentials that are refused again and again are not fetched again and again', async () => {
  const { asked, clock, close, logIn } = rig(async () => given)
  for (let s = 0; s < 3_600; s++) {
    await logIn.refused()
    clock.advance(1_000)
  }
  assert.ok(asked() < 25, `asked ${asked()} times in an hour`)
  close()
})

test('several refusals at once are one question', async () => {
  const { promise, resolve } = Promise.withResolvers<BrokerLogIn>()
  const { asked, close, logIn } = rig(() => promise)
  const all = [logIn.refused(), logIn.refused()]
  resolve(given)
  await Promise.all(all)
  assert.is(asked(), 1)
  close()
})

test.run()
