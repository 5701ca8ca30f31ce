// Probes as people write them, and how they are asked.

import { createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { askTarget, knock, parseProbeTarget } from './probe-target.ts'

test('probes are a kind, a host and perhaps a port', () => {
  assert.equal(parseProbeTarget('tcp:10.0.0.5:502'), { kind: 'tcp', host: '10.0.0.5', port: 502 })
  assert.equal(parseProbeTarget('tcp:[fd00::5]:502'), { kind: 'tcp', host: 'fd00::5', port: 502 })
  assert.equal(parseProbeTarget('ping:plc.site.example'), { kind: 'ping', host: 'plc.site.example' })
  assert.equal(parseProbeTarget('ping:fd00::5'), { kind: 'ping', host: 'fd00::5' })
})

for (const text of [
  '',
  'ping:',
  'ping:-c',
  'ping:a b',
  'tcp:host',
  'tcp:host:0',
  'tcp:host:70000',
  'udp:host:1',
  'ping:$(x)',
]) {
  test(`"${text}" is none`, () => assert.throws(() => parseProbeTarget(text), /is not a probe/))
}

test('a port is open, or refused by somebody who is there', async () => {
  const server = createServer((socket) => socket.end())
  const port = await ownPort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const target = { kind: 'tcp', host: '127.0.0.1', port } as const
  const run = async (): Promise<string> => ''
  assert.is(await knock('127.0.0.1', port), 'open')
  assert.is(await askTarget(target, run), true)
  await new Promise((resolve) => server.close(resolve))
  assert.is(await knock('127.0.0.1', port), 'refused')
  assert.is(await askTarget(target, run), false)
})

test('a ping is one packet, and its exit code the answer', async () => {
  const ran: string[] = []
  const run = async (argv: readonly string[]): Promise<string> => {
    ran.push(argv.join(' '))
    if (argv.at(-1) === 'gone') throw new HoldfastError('failed', 'exit code 1')
    return ''
  }
  assert.is(await askTarget({ kind: 'ping', host: 'there' }, run), true)
  assert.is(await askTarget({ kind: 'ping', host: 'gone' }, run), false)
  assert.is(ran[0], 'ping -n -q -c 1 -W 2 there')
})

test.run()
