// The ways to the broker as the doctor tells of them.

import { PassThrough } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { parseBrokerUrl } from '../../shared/wire/hub-url.ts'
import { type BrokerWays, brokerFinding } from './broker-finding.ts'

const ways = ['mqtts://hub:8883', 'wss://hub:443/mqtt'].map(parseBrokerUrl)
const proxy = { host: 'proxy', port: 3_128, credentials: 'agent:hunter22' }

const worksAt = (port: number): BrokerWays['open'] => {
  return async (way) => {
    if (way.port === port) return new PassThrough()
    throw new HoldfastError('unreachable', `cannot reach hub:${way.port}: no answer`, { remedy: 'Check the firewall.' })
  }
}

test('the way that works is named, and the ones that do not', async () => {
  const told = await brokerFinding({ ways, proxy: undefined, open: worksAt(443) })
  assert.equal(told, {
    check: 'broker',
    verdict: 'ok',
    found: 'MQTT at TCP 8883: does not; MQTT in HTTPS at TCP 443: works',
    used: 'MQTT in HTTPS at TCP 443',
  })
})

test('where none works the ports and the reasons are named, and the proxy without its password', async () => {
  const told = await brokerFinding({ ways, proxy, open: worksAt(1) })
  assert.is(told.verdict, 'note')
  assert.match(told.found, /through the proxy proxy:3128$/)
  assert.match(told.remedy ?? '', /out of the proxy\. cannot reach hub:8883: no answer\. Check the firewall\./)
  assert.not.match(JSON.stringify(told), /hunter22/)
  const without = await brokerFinding({ ways, proxy: undefined, open: worksAt(1) })
  assert.match(without.remedy ?? '', /or set proxy in the config file/)
})

test.run()
