// Names, interfaces and places of further networks.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import {
  attached,
  findPlace,
  freePlace,
  furtherNetworks,
  localNetwork,
  networkDir,
  parseAttached,
  takePlace,
} from './networks.ts'

let state = ''
test.before.each(() => {
  state = mkdtempSync(join(tmpdir(), 'holdfast-networks-'))
})
test.after.each(() => rmSync(state, { recursive: true, force: true }))

test('a name fits into that of an interface, and into a path', () => {
  for (const good of ['a', 'blue', '7', 'plant-2', 'abcdefghijkl']) assert.ok(v.is(localNetwork, good), good)
  for (const bad of ['', 'Blue', '-a', 'a-', 'abcdefghijklm', '../x', '.places', 'a b', 'ä'])
    assert.not(v.is(localNetwork, bad), bad)
})

test('an interface may have no address, or several of both families', () => {
  assert.equal(parseAttached('eth1'), { interface: 'eth1', addresses: [] })
  assert.equal(parseAttached('eth0.20=192.168.20.1/24+fd20::1/64'), {
    interface: 'eth0.20',
    addresses: ['192.168.20.1/24', 'fd20::1/64'],
  })
  for (const good of ['eth1', 'eth0.20=192.168.20.1/24', 'br0=10.0.0.1/8+fd20::1/64']) assert.ok(v.is(attached, good))
  for (const bad of [
    '',
    '=10.0.0.1/8',
    'eth1=',
    'eth1=10.0.0.1',
    'eth1=10.0.0.1/33',
    'eth1=10.0.0.01/24',
    'eth1=fd20::0:1/64',
    'eth1=10.0.0.1/24+',
    'an interface=10.0.0.1/8',
    'an-interface-too-long=10.0.0.1/8',
  ])
    assert.not(v.is(attached, bad), bad)
})

test('each network has a place of its own, keeps it, and gives it back', () => {
  const began = (name: string): string => {
    mkdirSync(networkDir(state, name), { recursive: true })
    return networkDir(state, name)
  }
  const [blue, green] = [began('blue'), began('green')]
  assert.is(findPlace(blue), undefined)
  assert.equal([takePlace(blue), takePlace(green), takePlace(blue)], [1, 2, 1])
  assert.is(findPlace(green), 2)
  freePlace(blue)
  assert.is(findPlace(blue), undefined)
  assert.is(takePlace(networkDir(state, 'failed')), 1)
  assert.is(takePlace(began('red')), 1, 'of one that never came to be')
  for (let i = 0; i < 13; i++) takePlace(began(`n${i}`))
  assert.throws(() => takePlace(blue), /15 further networks already/)
})

test('what was joined is found by its directory, and nothing else is', () => {
  assert.equal([...furtherNetworks(state)], [])
  takePlace(networkDir(state, 'red'))
  for (const name of ['red', 'blue', 'No Network']) mkdirSync(networkDir(state, name), { recursive: true })
  assert.equal([...furtherNetworks(state)], ['blue', 'red'])
})

test.run()
