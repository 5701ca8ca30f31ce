// Addresses of outside brokers: what is understood, and what would send a password where it does not belong.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../../shared/errors.ts'
import { parseBrokerUrl } from './dial.ts'

test('an address with its parts', () => {
  const address = parseBrokerUrl('mqtts://admin:p%40ss@broker.example.org')
  assert.equal(
    [address.tls, address.host, address.port, address.username, address.password, address.authority],
    [true, 'broker.example.org', 8_883, 'admin', 'p@ss', undefined],
  )
  assert.is(parseBrokerUrl('mqtts://a:b@[2001:db8::7]:1').host, '2001:db8::7')
})

test('clear text stays on this machine', () => {
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) assert.is(parseBrokerUrl(`mqtt://a:b@${host}`).port, 1_883)
  for (const host of ['192.0.2.1', 'broker.example.org', '127.example.org', '[2001:db8::7]']) {
    assert.throws(() => parseBrokerUrl(`mqtt://a:b@${host}`), /clear/, host)
  }
})

test('what is off is said without repeating the password', () => {
  for (const url of [
    'broker.example.org',
    'https://a:hunter2@h',
    'mqtts://h',
    'mqtts://hunter2@h',
    'mqtts://a:hunter2@h?colour=red',
    'mqtts://a:hunter2@h?ca=/nonexistent',
  ]) {
    try {
      parseBrokerUrl(url)
      assert.unreachable(url)
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      assert.not.match(`${error.message} ${error.remedy}`, /hunter2/, url)
    }
  }
})

test.run()
