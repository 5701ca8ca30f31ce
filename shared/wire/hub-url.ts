// Where a hub is: what people type, and the addresses that follow from it.

import { HoldfastError } from '../errors.ts'

export interface HubAddress {
  readonly host: string
  readonly port: number
  /** `https://host:port`, with the port always there. */
  readonly url: string
}

const hubPortDefault = 8443
const mqttPortDefault = 8883

/** Host of a URL without the brackets of IPv6. */
function plainHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

/** Accepts `https://host:port`, and as people type: `host`, `host:port`. */
export function parseHubUrl(text: string): HubAddress {
  const remedy = 'Write it like https://hub.example.org:8443.'
  const whole = text.includes('://') ? text : `https://${text}`
  const url = URL.parse(whole)
  if (url === null || url.hostname === '')
    throw new HoldfastError('usage', `"${text}" is not the address of a hub`, { remedy })
  if (url.protocol !== 'https:') {
    throw new HoldfastError('usage', `a hub is reached by https, not ${url.protocol.slice(0, -1)}`, { remedy })
  }
  if (url.username !== '' || url.password !== '') {
    throw new HoldfastError('usage', 'the address of a hub bears no user or password', { remedy })
  }
  // The URL parser drops 443 as https's own default, so an explicit one has to be seen in the text.
  const explicit = /^https:\/\/[^/?#]*:443(?:[/?#]|$)/i.test(whole)
  const port = url.port === '' ? (explicit ? 443 : hubPortDefault) : Number(url.port)
  return { host: plainHost(url), port, url: `https://${url.hostname}:${port}` }
}

export interface BrokerAddress {
  readonly kind: 'mqtts' | 'wss'
  readonly host: string
  readonly port: number
  /** Of the WebSocket; empty for plain MQTT. */
  readonly path: string
}

export function parseBrokerUrl(text: string): BrokerAddress {
  const url = URL.parse(text)
  if (url === null || url.hostname === '' || !['mqtts:', 'wss:'].includes(url.protocol)) {
    throw new HoldfastError('invalid', `"${text}" is not the address of a broker`, {
      remedy: 'Write it like mqtts://host:8883 or wss://host:8443/mqtt.',
    })
  }
  const plain = url.protocol === 'mqtts:'
  const port = url.port === '' ? (plain ? mqttPortDefault : 443) : Number(url.port)
  return { kind: plain ? 'mqtts' : 'wss', host: plainHost(url), port, path: plain ? '' : url.pathname }
}

/** The ways to the broker, best first: its own port, then the hub's HTTPS port for sites that let nothing else out. */
export function brokerUrls(
  hub: HubAddress,
  broker: { readonly url: string; readonly webSocketPath: string },
): string[] {
  const host = hub.host.includes(':') ? `[${hub.host}]` : hub.host
  const own = broker.url === '' ? `mqtts://${host}:${mqttPortDefault}` : broker.url
  const beside = broker.webSocketPath === '' ? [] : [`wss://${host}:${hub.port}${broker.webSocketPath}`]
  return [own, ...beside]
}
