// Requests that several services share, and headers that are changed on the way, through the gate.

import { once } from 'node:events'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { head, opened, rig, route, say, service, statuses } from './http-rig.fake.ts'

const CLOSE = 'Connection: close'

test('services that say a weight share the requests of one connection, and who may not come to one is led to the other', async () => {
  const [one, two, three] = [await service('one'), await service('two'), await service('three')]
  const { close, lead, port } = await rig()
  const away = [parseCidr('192.0.2.0/24')]
  await lead(
    route(one.port, { weight: 1 }),
    route(two.port, { weight: 1 }),
    route(three.port, { weight: 1_000_000, from: away }),
    route(three.port, { paths: [{ type: 'Prefix', value: '/off' }], answer: 503, weight: 5 }),
  )
  const many = 8
  // That one of two has none of 64 is less likely than one in 10^19.
  for (let turn = 0; turn < 8; turn++) {
    const asks = Array.from({ length: many }, (_, at) =>
      head('GET / HTTP/1.1', 'Host: a', ...(at === many - 1 ? [CLOSE] : [])),
    )
    assert.equal(
      statuses(await say(port, asks.join(''))),
      asks.map(() => 200),
    )
  }
  assert.is(one.heard.length + two.heard.length, 64)
  assert.ok(one.heard.length > 0 && two.heard.length > 0)
  assert.equal(three.heard, [])
  assert.equal(statuses(await say(port, head('GET /off HTTP/1.1', 'Host: a', CLOSE))), [503])
  for (const each of [one, two, three]) each.close()
  close()
})

test('headers of requests and answers are changed as is said, and of a WebSocket, too', async () => {
  const one = await service('one')
  const { close, lead, port } = await rig()
  const requestHeaders = {
    remove: ['cookie'],
    set: [{ name: 'x-tenant', value: 'blue' }],
    add: [{ name: 'x-tag', value: 'b' }],
  }
  const responseHeaders = { remove: ['x-own'], set: [{ name: 'strict-transport-security', value: 'max-age=60' }] }
  await lead(route(one.port, { requestHeaders, responseHeaders }))
  const said = ['Host: a', 'Cookie: a=b', 'X_Tenant: red', 'x-tenant: red', 'X-Tag: a']
  const back = await say(port, head('GET / HTTP/1.1', ...said, CLOSE))
  assert.match(back, /\r\nstrict-transport-security: max-age=60\r\n/)
  const { cookie, 'x-tag': tag, 'x-tenant': tenant, x_tenant: spelled } = one.last()?.headers ?? {}
  assert.equal([cookie, tag, tenant, spelled], [undefined, 'a, b', 'blue', undefined])
  const socket = await opened(port)
  socket.write(head('GET /ws HTTP/1.1', ...said, 'Connection: Upgrade', 'Upgrade: websocket'))
  const [part] = (await once(socket, 'data')) as [Buffer]
  assert.match(String(part), /^HTTP\/1\.1 101 /)
  assert.match(String(part), /strict-transport-security/)
  assert.not.match(String(part), /X-Own/i)
  assert.is(one.last()?.headers['x-tenant'], 'blue')
  socket.destroy()
  one.close()
  close()
})

test.run()
