// Services as people see them on a device: who serves, and who does not and why; pods with the node that leads to them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseName } from '../../shared/ids.ts'
import type { BackendStatus } from '../services/status.ts'
import { serviceRows } from './service-rows.ts'

function row(...backends: readonly BackendStatus[]): readonly string[] {
  const shop = { name: parseName('shop'), addresses: [parseAddress('100.80.0.9')], inUse: true, backends }
  return serviceRows({ services: [shop] })[0]?.slice(3) ?? []
}

test('nodes and pods that serve, and why others do not', () => {
  const behind = parseName('alpha-1')
  const why = 'its cluster says that it is not ready'
  assert.equal(
    row(
      { name: 'node-1', state: 'serves', rttMs: 12 },
      { name: 'shop/web-0', behind, state: 'serves' },
      { name: 'shop/web-1', behind, state: 'fails', why },
      { name: 'node-2', state: 'stands-by' },
    ),
    ['node-1 12 ms, shop/web-0 behind alpha-1', `shop/web-1 behind alpha-1 fails (${why}), node-2 stands by`],
  )
  assert.equal(row(), ['nobody: it is refused', '-'])
})

test.run()
