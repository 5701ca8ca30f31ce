// The own TLS relay as the doctor tells of it.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { tlsRelayFinding } from './tls-relay-finding.ts'

test('a relay that answers as this device is well, and its port is named for firewalls', async () => {
  const dialled: number[] = []
  const told = await tlsRelayFinding({ port: 8_443, dial: async (port) => void dialled.push(port) })
  assert.equal(dialled, [8_443])
  assert.equal(told, {
    check: 'relay TLS port',
    verdict: 'ok',
    found: 'TCP 8443 answers here: firewalls must let it in',
    used: 'to relay for nodes without UDP',
  })
})

test('another program at the port, or none, fails and is told with what to do', async () => {
  const dial = async (): Promise<void> => {
    throw new HoldfastError('untrusted', '127.0.0.1:443 does not hold the key of the device’s record')
  }
  const told = await tlsRelayFinding({ port: 443, dial })
  assert.is(told.verdict, 'fails')
  assert.match(told.found, /^TCP 443 does not answer as this device: .*does not hold the key/)
  assert.match(told.remedy ?? '', /ss -ltnp sport = :443\b.*relay\.tlsPort/)
})

test.run()
