// The port for scrapers: one page, one method, a bound on connections, and no harm where it can't be opened.

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeClock, type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { metricsConnectionsMax } from '../../shared/limits.ts'
import { listenForScrapes, type MetricsListenerOptions } from './listener.ts'

async function open(changes: Partial<MetricsListenerOptions> = {}) {
  const opened = Promise.withResolvers<number>()
  const clock = new FakeClock()
  const lines: LogLine[] = []
  const log = memoryLog(lines)
  const text = async (): Promise<string> => 'up 1\n'
  const onOpen = (port: number): void => opened.resolve(port)
  const listener = listenForScrapes({ host: '127.0.0.1', port: 0, text, clock, log, onOpen, ...changes })
  return { listener, clock, lines, opened: opened.promise }
}

async function get(port: number, path: string, method = 'GET') {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method })
  return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.text() }
}

test('answers GET /metrics and nothing else', async () => {
  const { listener, opened } = await open()
  const port = await opened
  assert.equal(await get(port, '/metrics'), {
    status: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: 'up 1\n',
  })
  assert.is((await get(port, '/metrics?name[]=up')).status, 200)
  for (const path of ['/', '/v1/status', '/metrics/', '/v1/stop']) assert.is((await get(port, path)).status, 404, path)
  for (const method of ['POST', 'PUT', 'DELETE', 'HEAD'])
    assert.is((await get(port, '/metrics', method)).status, 405, method)
  await listener.close()
})

test('figures that can’t be had are an error without its words', async () => {
  const { listener, opened } = await open({ text: () => Promise.reject(new HoldfastError('failed', 'secret')) })
  const { body, status } = await get(await opened, '/metrics')
  assert.equal([status, body], [500, ''])
  await listener.close()
})

test('connections beyond the bound are closed, and make room again', async () => {
  const { listener, opened } = await open()
  const port = await opened
  const held = Array.from({ length: metricsConnectionsMax }, () => connect(port, '127.0.0.1'))
  await Promise.all(held.map((socket) => once(socket, 'connect')))
  const one = connect(port, '127.0.0.1').resume()
  await once(one, 'close')
  for (const socket of held) socket.destroy()
  await Promise.all(held.map((socket) => once(socket, 'close')))
  // The listener hears of the end of each a turn or more later.
  for (;;) {
    const status = await get(port, '/metrics').then(
      (answer) => answer.status,
      () => 0,
    )
    if (status === 200) break
  }
  await listener.close()
})

test('a port that is taken is tried again until it is free', async () => {
  const port = await ownPort()
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  const { clock, lines, listener, opened } = await open({ port })
  const tried = async (count: number): Promise<void> => {
    while (lines.filter((line) => line.message.includes('does not open')).length < count)
      await new Promise((resolve) => setImmediate(resolve))
  }
  await tried(1)
  other.close()
  await once(other, 'close')
  while (clock.untilNext() === Number.POSITIVE_INFINITY) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(5_000)
  assert.is(await opened, port)
  assert.is((await get(port, '/metrics')).status, 200)
  await listener.close()
})

test('who closes while the port is not to be had yet waits for nothing', async () => {
  // Of a documentation block (RFC 5737): no host has it.
  const { clock, lines, listener } = await open({ host: '192.0.2.1', port: 9 })
  while (lines.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await listener.close()
  assert.is(clock.untilNext(), Number.POSITIVE_INFINITY)
})

test.run()
