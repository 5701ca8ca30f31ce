// Who leads where, as a line of `holdfast status`.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Cidr } from '../../shared/address/cidr.ts'
import type { Name } from '../../shared/ids.ts'
import type { RouterState, RouterStatus } from '../routers/own-routers.ts'
import { routerLine } from './router-text.ts'

function line(destination: string, routers: Readonly<Record<string, RouterState>>): string {
  const views = Object.entries(routers).map(([name, state]) => ({ name: name as Name, state }))
  const status: RouterStatus = { destination: destination as Cidr, route: 'r' as Name, routers: views }
  return routerLine(status)
}

test('a subnet is told by its block, the internet by its family', () => {
  assert.is(
    line('192.168.1.0/24', { a: 'used', b: 'ready', c: 'gone' }),
    'route     192.168.1.0/24 by a (ready: b, gone: c)',
  )
  assert.is(line('0.0.0.0/0', { 'exit-1': 'gone', 'exit-2': 'used' }), 'exit      of IPv4 by exit-2 (gone: exit-1)')
  assert.is(line('::/0', { 'exit-1': 'used' }), 'exit      of IPv6 by exit-1')
})

test.run()
