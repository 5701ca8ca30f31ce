// `join` as a supervisor calls it: at each start, with the hub away.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { startFakeHub } from '../enrol/hub.fake.ts'
import { withCli } from './cli-rig.fake.ts'

test('who calls join at each start asks the hub once', () =>
  withCli(undefined, async (call) => {
    const nowhere = await call('join', 'https://127.0.0.1:1', '--if-needed')
    assert.is(nowhere.code, 2, 'the first time it needs a token')
    const hub = await startFakeHub()
    const words = ['join', hub.url, '--if-needed', '--name', 'plant-7']
    assert.is((await call(...words, '--token', hub.token)).code, 0)
    await hub.close()
    const again = await call(...words, '--json')
    assert.is(again.code, 0, again.notes)
    assert.is((JSON.parse(again.out) as { readonly node: string }).node, 'plant-7')
    assert.is(hub.requests.length, 1)
    const plain = await call('join', hub.url, '--token', hub.token)
    assert.match(plain.notes, 'has joined already')
  }))

test.run()
