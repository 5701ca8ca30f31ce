// What routers say of themselves in UPnP, well and badly written, and what they may not say: anything of others.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { utf8 } from '../../shared/bytes.ts'
import { hostileBytes, hostileText } from '../../shared/fuzz.fake.ts'
import { routerElementsMax } from '../../shared/limits.ts'
import {
  encodeAction,
  encodeSearch,
  faultText,
  parseActionAnswer,
  parseDescription,
  parseOutsideAddress,
  parseSearchAnswer,
  searchGroup,
} from './igd.ts'
import { readElements } from './xml.ts'

const GATEWAY = '192.168.1.1' as Address
const PAGE = new URL('http://192.168.1.1:5000/rootDesc.xml')

const answer = (location: string): Uint8Array =>
  utf8(`HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: ${location}\r\nUSN: uuid:1\r\n\r\n`)

const service = (type: string, url: string): string =>
  `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType><controlURL>${url}</controlURL></service>`

const description = (services: string, more = ''): string => `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major></specVersion>${more}<device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>
<friendlyName>A &amp; B &quot;router&quot;</friendlyName><serviceList>${service('Layer3Forwarding:1', '/l3')}</serviceList>
<deviceList><device><deviceList><device><serviceList>${services}</serviceList></device></deviceList></device></deviceList>
</device></root>`

const controlOf = (xml: string): string | undefined => {
  const found = parseDescription(xml, PAGE, GATEWAY)
  return found === undefined ? undefined : `${found.service.slice(29)} ${found.url.href}`
}

test('a search, and where the answer leads', () => {
  assert.match(
    new TextDecoder().decode(encodeSearch(searchGroup)),
    /^M-SEARCH \* HTTP\/1.1\r\nHOST: 239.255.255.250:1900\r\n/,
  )
  assert.is(parseSearchAnswer(answer(PAGE.href), GATEWAY)?.href, PAGE.href)
  const lower = utf8(`HTTP/1.0 200 OK\nlocation:${PAGE.href}\n\n`)
  assert.is(parseSearchAnswer(lower, GATEWAY)?.href, PAGE.href)
})

test('only to the router itself, by plain HTTP', () => {
  const elsewhere = [
    'http://192.168.1.2:5000/rootDesc.xml',
    'http://127.0.0.1/rootDesc.xml',
    'http://169.254.169.254/latest/meta-data',
    'http://192.168.1.1.evil.example/rootDesc.xml',
    'http://192.168.1.1@evil.example/rootDesc.xml',
    'http://user@192.168.1.1/rootDesc.xml',
    'https://192.168.1.1/rootDesc.xml',
    'file:///etc/passwd',
    '/rootDesc.xml',
    'http://[::1]/',
    `http://192.168.1.1/${'a'.repeat(3_000)}`,
  ]
  for (const location of elsewhere) assert.is(parseSearchAnswer(answer(location), GATEWAY), undefined, location)
  const controls = elsewhere.filter((url) => !url.startsWith('/'))
  for (const url of controls) assert.is(controlOf(description(service('WANIPConnection:1', url))), undefined, url)
  const based = description(service('WANIPConnection:1', 'ctl'), '<URLBase>http://192.168.1.2/x/</URLBase>')
  assert.is(controlOf(based), 'WANIPConnection:1 http://192.168.1.1:5000/ctl')
})

test('what is no answer to a search', () => {
  const bad = [
    utf8(`NOTIFY * HTTP/1.1\r\nLOCATION: ${PAGE.href}\r\n\r\n`),
    utf8('HTTP/1.1 200 OK\r\n\r\n'),
    utf8(`HTTP/1.1 404 Not Found\r\nLOCATION: ${PAGE.href}\r\n\r\n`),
    Uint8Array.of(0xff, 0xfe),
    utf8(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(2_000)}\r\nLOCATION: ${PAGE.href}\r\n\r\n`),
  ]
  for (const bytes of bad) assert.is(parseSearchAnswer(bytes, GATEWAY), undefined)
})

test('the best service that maps ports', () => {
  const all = [
    service('WANPPPConnection:1', '/ppp'),
    service('WANIPConnection:1', '/ip1'),
    service('WANIPConnection:2', 'http://192.168.1.1:49000/ip2'),
  ]
  assert.is(controlOf(description(all.join(''))), 'WANIPConnection:2 http://192.168.1.1:49000/ip2')
  assert.is(controlOf(description(all.slice(0, 2).join(''))), 'WANIPConnection:1 http://192.168.1.1:5000/ip1')
  assert.is(controlOf(description(all.slice(0, 1).join(''))), 'WANPPPConnection:1 http://192.168.1.1:5000/ppp')
  assert.is(controlOf(description('')), undefined)
  const based = description(service('WANIPConnection:1', 'ctl'), '<URLBase>http://192.168.1.1:80/up/</URLBase>')
  assert.is(controlOf(based), 'WANIPConnection:1 http://192.168.1.1/up/ctl')
})

test('an action, its answer and its faults', () => {
  const { body, headers } = encodeAction('urn:x:service:WANIPConnection:1', 'DeletePortMapping', [
    ['NewExternalPort', 51_820],
    ['NewProtocol', 'UDP'],
  ])
  assert.is(headers.SOAPAction, '"urn:x:service:WANIPConnection:1#DeletePortMapping"')
  const names = readElements(body).map(({ name, text }) => (text === '' ? name : `${name}=${text}`))
  assert.equal(names, ['envelope', 'body', 'deleteportmapping', 'newexternalport=51820', 'newprotocol=UDP'])
  const fine = parseActionAnswer(200, '<s:Envelope><s:Body><m:R><NewX> 7 </NewX></m:R></s:Body></s:Envelope>')
  assert.equal([fine.fault, fine.value('NewX')], [0, '7'])
  const fault = '<s:Fault><detail><u:UPnPError><u:errorCode>718</u:errorCode></u:UPnPError></detail></s:Fault>'
  assert.is(parseActionAnswer(500, fault).fault, 718)
  assert.is(parseActionAnswer(500, 'Internal error').fault, 501)
  assert.is(parseActionAnswer(500, '<errorCode>1e9</errorCode>').fault, 501)
  assert.match(faultText(606), /nobody/)
  assert.is(faultText(777), 'error 777')
})

test('the outside address is IPv4 or nothing', () => {
  assert.is(parseOutsideAddress('203.0.113.4'), '203.0.113.4')
  for (const bad of [undefined, '', '0.0.0.0', 'router.example', '2001:db8::1', '203.0.113.4:80']) {
    assert.is(parseOutsideAddress(bad), undefined)
  }
})

test('XML with all that it may have', () => {
  const elements = readElements(
    `<?xml version="1.0"?><!-- <no/> --><s:A x="1" y='2'>\r\n <B>one &lt; &#50;<!-- > --> and</B ><c/><d e="f"/>
    <E><![CDATA[<raw> & ]]>more</E><f>never ended<g>7</g></s:A><h>&amp;amp; &nbsp; &#xD800;</h></x>`,
  )
  assert.equal(
    elements.map(({ name, parent, text }) => `${name} in ${elements[parent]?.name ?? '-'}: ${text}`),
    [
      'a in -: ',
      'b in a: one < 2 and',
      'c in a: ',
      'd in a: ',
      'e in a: <raw> & more',
      'f in a: never ended',
      'g in f: 7',
      'h in -: &amp; &nbsp; &#xD800;',
    ],
  )
  for (const open of ['<!--', '<![CDATA[', '<a', '<', '<a>text']) assert.ok(readElements(`<x>1</x>${open}`).length >= 1)
  assert.equal(readElements(''), [])
})

test('XML that is none is read as far as it goes; entities of others are not expanded', () => {
  const bomb = `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><r>&b;&amp;</r>`
  assert.is(readElements(bomb)[0]?.text, '&b;&')
  const cut = description(service('WANIPConnection:1', '/ctl')).slice(0, -60)
  assert.is(controlOf(cut), 'WANIPConnection:1 http://192.168.1.1:5000/ctl')
  assert.is(readElements('<a>'.repeat(100_000)).length, routerElementsMax)
  assert.is(readElements(`<a>${'<b/>'.repeat(100_000)}</a>`).length, routerElementsMax)
})

test('hostile words never throw, and never lead elsewhere', () => {
  const good = description(service('WANIPConnection:1', '/ctl'))
  fc.assert(
    fc.property(hostileText(good), (xml) => {
      const found = parseDescription(xml, PAGE, GATEWAY)
      if (found !== undefined) assert.is(found.url.hostname, GATEWAY)
      parseActionAnswer(500, xml)
    }),
    { numRuns: 300 },
  )
  fc.assert(
    fc.property(hostileBytes(answer(PAGE.href)), (bytes) => {
      const page = parseSearchAnswer(bytes, GATEWAY)
      if (page !== undefined) assert.is(page.hostname, GATEWAY)
    }),
    { numRuns: 500 },
  )
})

test.run()
