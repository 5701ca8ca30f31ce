// The words of UPnP's Internet Gateway Device (IGD:1 and IGD:2), as far as one UDP mapping needs them. Pure.
//
// A router is believed only about itself: every address it names has to be its own.

import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { type Endpoint, parseEndpoint } from '../../shared/address/endpoint.ts'
import { tryParseIp } from '../../shared/address/ip.ts'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { readElements, textOf } from './xml.ts'

/** Where devices are looked for (UPnP Device Architecture 1.1 §1.3.2); the router itself is asked there, too. */
export const searchGroup = parseEndpoint('239.255.255.250:1900')
export const searchPort = 1_900
const URL_LENGTH_MAX = 2_048
const ANSWER_BYTES_MAX = 1_500

/** The best first: devices of version 2 have the service of version 1, too. */
const SERVICES = ['WANIPConnection:2', 'WANIPConnection:1', 'WANPPPConnection:1'].map(
  (name) => `urn:schemas-upnp-org:service:${name}`,
)

export function encodeSearch(to: Endpoint): Uint8Array {
  const lines = [
    'M-SEARCH * HTTP/1.1',
    `HOST: ${to}`,
    'MAN: "ssdp:discover"',
    'MX: 1',
    'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1',
  ]
  return utf8(`${lines.join('\r\n')}\r\n\r\n`)
}

/** A page of the router itself; undefined for one of anybody else, or by other ways than plain HTTP. */
function ownPage(text: string, base: URL | undefined, gateway: Address): URL | undefined {
  if (text.length > URL_LENGTH_MAX) return undefined
  const url = URL.parse(text, base?.href)
  if (url === null || url.protocol !== 'http:' || url.username !== '' || url.password !== '') return undefined
  return url.hostname === gateway ? url : undefined
}

/** Where the router describes itself, from its answer to a search. */
export function parseSearchAnswer(bytes: Uint8Array, gateway: Address): URL | undefined {
  if (bytes.length > ANSWER_BYTES_MAX) return undefined
  let text: string
  try {
    text = fromUtf8(bytes)
  } catch {
    return undefined
  }
  if (!/^HTTP\/1\.[01] 200 /.test(text)) return undefined
  const location = /^location:[ \t]*(\S+)[ \t]*\r?$/im.exec(text)?.[1]
  return location === undefined ? undefined : ownPage(location, undefined, gateway)
}

export interface Control {
  readonly url: URL
  readonly service: string
}

/** The service that maps ports, from the router's description of itself. */
export function parseDescription(xml: string, page: URL, gateway: Address): Control | undefined {
  const elements = readElements(xml)
  const base = ownPage(textOf(elements, 'URLBase') ?? page.href, page, gateway) ?? page
  const urls = new Map<string, string>()
  for (const { name, parent, text } of elements) {
    if (name !== 'servicetype' || urls.has(text)) continue
    const url = elements.find((other) => other.parent === parent && other.name === 'controlurl')?.text
    if (url !== undefined) urls.set(text, url)
  }
  for (const service of SERVICES) {
    const url = ownPage(urls.get(service) ?? '', base, gateway)
    if (urls.has(service) && url !== undefined) return { url, service }
  }
  return undefined
}

export type Arguments = readonly (readonly [name: string, value: string | number])[]

/** `values` are ours: numbers, addresses and plain words, nothing that XML would mind. */
export function encodeAction(service: string, action: string, values: Arguments) {
  const inside = values.map(([name, value]) => `<${name}>${value}</${name}>`).join('')
  const body =
    '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">' +
    `<s:Body><u:${action} xmlns:u="${service}">${inside}</u:${action}></s:Body></s:Envelope>\r\n`
  return { headers: { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: `"${service}#${action}"` }, body }
}

/** What went wrong, by the numbers of WANIPConnection:1 §2.4.16 and UPnP Device Architecture 1.1 §3.2.2. */
export const faults = { noSuchEntry: 714, conflict: 718, onlyPermanent: 725 } as const
const FAULTS: Readonly<Record<number, string>> = {
  401: 'it does not know the operation',
  402: 'it found the request malformed',
  501: 'it could not do it',
  606: 'it allows nobody to map ports',
  [faults.conflict]: 'others hold the outside ports that were tried',
  724: 'it wants inside and outside port to be the same',
  728: 'it has no room for more mappings',
  729: 'the mapping conflicts with another mechanism of it',
}

export interface ActionAnswer {
  /** 0 where it went well. */
  readonly fault: number
  readonly value: (name: string) => string | undefined
}

export function parseActionAnswer(status: number, xml: string): ActionAnswer {
  const elements = readElements(xml)
  const code = Number(textOf(elements, 'errorCode') ?? 501)
  const fault = Number.isInteger(code) && code > 0 && code < 1_000 ? code : 501
  return { fault: status === 200 ? 0 : fault, value: (name) => textOf(elements, name) }
}

export function faultText(fault: number): string {
  return FAULTS[fault] ?? `error ${fault}`
}

/** Undefined where the router has no address outside, or names something else. */
export function parseOutsideAddress(text: string | undefined): Address | undefined {
  if (text === undefined || tryParseIp(text)?.family !== 4) return undefined
  const address = parseAddress(text)
  return address === '0.0.0.0' ? undefined : address
}
