// The gate is there while something is to be led by names, and at no other time.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { GateListener } from '../gate/listener.ts'
import { createOwnGate } from './own-gate.ts'

const listener = (port: number): GateListener => ({
  protocol: 'TLS',
  address: parseAddress('10.0.0.1'),
  port,
  routes: [],
})
const turn = (): Promise<void> => new Promise((go) => setImmediate(go))

test('it is opened with the first listener, told of others, and closed with the last', async () => {
  const words: string[] = []
  const place = { address: parseAddress('10.0.0.2'), port: 2 }
  const led = { port: 1, to: place, outside: place }
  const open = async () => {
    words.push('open')
    return {
      set: (listeners: readonly GateListener[]) => void words.push(listeners.map(({ port }) => port).join()),
      led: () => [led],
      close: () => void words.push('close'),
    }
  }
  const gate = createOwnGate(open, (detail) => void words.push(detail))
  gate.follow([])
  gate.follow([listener(1)])
  gate.follow([listener(1), listener(2)])
  assert.equal(gate.led(), [])
  await turn()
  assert.equal(gate.led(), [led])
  gate.follow([listener(1), listener(2)])
  gate.follow([listener(2)])
  gate.follow([])
  gate.follow([])
  assert.equal(words, ['open', '1,2', '2', 'close'])
  assert.equal(gate.led(), [])
  gate.follow([listener(3)])
  gate.close()
  await turn()
  assert.equal(words.slice(4), ['open', 'close'])
})

test('one that can’t be opened is told, and tried anew with the next change', async () => {
  const told: string[] = []
  let tries = 0
  const gate = createOwnGate(
    async () => {
      tries++
      throw new Error('no memory')
    },
    (detail) => void told.push(detail),
  )
  gate.follow([listener(1)])
  await turn()
  gate.follow([listener(1)])
  assert.is(tries, 1)
  gate.follow([listener(2)])
  await turn()
  assert.equal([tries, told.length], [2, 2])
  assert.match(told[0] ?? '', 'no memory')
})

test.run()
