// The gate is there while something is to be led by names, and at no other time.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import type { TlsListener } from '../tls-gate/match.ts'
import { createOwnGate } from './own-gate.ts'

const listener = (port: number): TlsListener => ({ address: parseAddress('10.0.0.1'), port, routes: [] })
const turn = (): Promise<void> => new Promise((go) => setImmediate(go))

test('it is opened with the first listener, told of others, and closed with the last', async () => {
  const words: string[] = []
  const open = async () => {
    words.push('open')
    return {
      set: (listeners: readonly TlsListener[]) => void words.push(listeners.map(({ port }) => port).join()),
      close: () => void words.push('close'),
    }
  }
  const gate = createOwnGate(open, (detail) => void words.push(detail))
  gate.follow([])
  gate.follow([listener(1)])
  gate.follow([listener(1), listener(2)])
  await turn()
  gate.follow([listener(1), listener(2)])
  gate.follow([listener(2)])
  gate.follow([])
  gate.follow([])
  assert.equal(words, ['open', '1,2', '2', 'close'])
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
