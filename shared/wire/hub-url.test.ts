// Addresses of hubs and brokers, as people and enrolment write them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../errors.ts'
import { brokerUrls, parseBrokerUrl, parseHubUrl } from './hub-url.ts'

test('an address of a hub is understood as people type it', () => {
  for (const [text, url] of [
    ['hub.example.org', 'https://hub.example.org:8443'],
    ['hub.example.org:9000', 'https://hub.example.org:9000'],
    ['https://hub.example.org', 'https://hub.example.org:8443'],
    ['https://hub.example.org:443', 'https://hub.example.org:443'],
    ['https://hub.example.org/', 'https://hub.example.org:8443'],
    ['https://192.0.2.7:8443', 'https://192.0.2.7:8443'],
    ['[2001:db8::7]:8443', 'https://[2001:db8::7]:8443'],
  ] as const) {
    assert.is(parseHubUrl(text).url, url)
  }
  assert.is(parseHubUrl('[2001:db8::7]').host, '2001:db8::7')
})

test('what is no address of a hub is a usage error', () => {
  for (const text of ['', 'http://hub', 'https://user:pw@hub', 'https://', 'a b', 'mqtts://hub']) {
    assert.throws(
      () => parseHubUrl(text),
      (error: unknown) => isHoldfastError(error, 'usage'),
      text,
    )
  }
})

test('the ways to the broker follow from the hub’s address', () => {
  const hub = parseHubUrl('[2001:db8::7]')
  assert.equal(brokerUrls(hub, { url: '', webSocketPath: '/mqtt' }), [
    'mqtts://[2001:db8::7]:8883',
    'wss://[2001:db8::7]:8443/mqtt',
  ])
  assert.equal(brokerUrls(hub, { url: 'mqtts://b.example', webSocketPath: '' }), ['mqtts://b.example'])
  assert.equal(parseBrokerUrl('mqtts://[2001:db8::7]'), { kind: 'mqtts', host: '2001:db8::7', port: 8883, path: '' })
  assert.equal(parseBrokerUrl('wss://b.example/mqtt'), { kind: 'wss', host: 'b.example', port: 443, path: '/mqtt' })
  assert.throws(
    () => parseBrokerUrl('mqtt://b.example'),
    (error: unknown) => isHoldfastError(error, 'invalid'),
  )
})

test.run()
