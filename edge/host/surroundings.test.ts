// What a host's kernel says of its links, read from the words of iproute2.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { readSurroundings } from './surroundings.ts'

interface Said {
  readonly four?: readonly object[]
  readonly six?: readonly object[]
  readonly neighbours: readonly (readonly [dev: string, dst: string, state: string])[]
}

const runner = ({ four = [], neighbours, six }: Said) => {
  return async (argv: readonly string[]): Promise<string> => {
    const words = argv.join(' ')
    if (words.startsWith('ip -4')) return JSON.stringify(four)
    if (words.startsWith('ip -6')) {
      if (six === undefined) throw new HoldfastError('failed', 'no IPv6 here')
      return JSON.stringify(six)
    }
    return JSON.stringify(neighbours.map(([dev, dst, state]) => ({ dev, dst, state: [state] })))
  }
}

const four = [
  { dst: 'default', gateway: '192.168.1.1', dev: 'eth0', metric: 100 },
  { dst: 'default', gateway: '10.64.0.1', dev: 'wwan0' },
  { dst: 'default', dev: 'ppp0' },
  { dst: 'default', gateway: '10.77.0.9', dev: 'hf0' },
]

test('next hops that answer, and neighbours that did just now; the mesh is none of them', async () => {
  const run = runner({
    four,
    six: [{ dst: 'default', gateway: 'fe80::1', dev: 'eth0' }],
    neighbours: [
      ['eth0', '192.168.1.1', 'STALE'],
      ['wwan0', '10.64.0.1', 'FAILED'],
      ['eth0', 'fe80::1', 'REACHABLE'],
      ['eth0', '192.168.1.7', 'REACHABLE'],
      ['eth0', '192.168.1.8', 'STALE'],
      ['hf0', '10.77.0.9', 'REACHABLE'],
    ],
  })
  assert.equal(await readSurroundings(run, 'hf0', []), {
    gateways: ['eth0 192.168.1.1', 'eth0 fe80::1'],
    neighbours: ['eth0 192.168.1.7'],
  })
})

test('once they were looked after, one that is being asked still counts, and one that failed does not', async () => {
  const run = runner({
    four,
    neighbours: [
      ['eth0', '192.168.1.1', 'PROBE'],
      ['eth0', '192.168.1.7', 'DELAY'],
      ['eth0', '192.168.1.8', 'FAILED'],
    ],
  })
  assert.equal(await readSurroundings(run, 'hf0', ['lo 127.0.0.1']), {
    gateways: ['eth0 192.168.1.1'],
    neighbours: ['eth0 192.168.1.7'],
  })
})

test('a host without routes and neighbours has none', async () => {
  const run = async (): Promise<string> => ''
  assert.equal(await readSurroundings(run, 'hf0', []), { gateways: [], neighbours: [] })
})

test.run()
