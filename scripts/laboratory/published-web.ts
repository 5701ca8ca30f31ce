// What a gateway of the lab publishes by HTTP, of which service each part is, and who asks for it.

import { join } from 'node:path'
import type { Host } from './host.ts'
import type { LabNode } from './node.ts'
import { resource } from './shapes.ts'

const WEB = join(import.meta.dirname, 'web.ts')

/** Who serves. */
export const serving = { matchLabels: { role: 'web' } }
export const NAME = 'shop.example.com'

export const byPath = {
  protocol: 'HTTP',
  port: 8_088,
  gateways: { matchLabels: { gate: 'lan' } },
  from: ['LAN'],
  interfaces: ['eth1'],
}

/** Whatever path it has. */
const ASKED_FOR = { value: '/', queryParams: [{ name: 'part', value: 'cart' }] }

/** Of a host that two services have a part of. */
const SHARED = 'both.example.net'
export const shared = {
  ...byPath,
  hostnames: [SHARED],
  weight: 1,
  requestHeaders: { set: [{ name: 'x-tenant', value: 'blue' }] },
}

/** Of the same devices: another program, that has a part of the same host's pages. */
export const cart = resource('Service', 'cart', {
  ports: [{ port: 80, targetPort: 8_092 }],
  backends: serving,
  probe: { port: 8_080, intervalS: 1, timeoutMs: 1_000 },
  publish: [
    { ...byPath, servicePort: 80, hostnames: [NAME], paths: [{ value: '/cart' }, ASKED_FOR] },
    { ...shared, servicePort: 80 },
  ],
})

/** Both programs. */
export async function servePages({ host, name }: LabNode): Promise<void> {
  await host.spawn([process.execPath, WEB, 'serve', name, '8091', '8092'], 'web').said(/serving/)
}

/** Of the gateway, by one connection: by hosts, paths and query. */
export function askPages(from: Host, gateway: string): Promise<string> {
  const paths = ['/cartoon', '/cart/7', '/x?part=cart', '/x?part=else']
  const urls = [
    ...paths.map((path) => `http://${NAME}${path}`),
    'http://example.org/',
    'http://old.example.net/7',
    'http://a.example.com/',
  ]
  return from.exec([process.execPath, WEB, 'ask', gateway, String(byPath.port), ...urls])
}

/** Of the host that is shared, so often: each answer that came, once. */
export async function askShared(from: Host, gateway: string, times: number): Promise<string> {
  const urls = Array.from({ length: times }, () => `http://${SHARED}/`)
  const said = await from.exec([process.execPath, WEB, 'ask', gateway, String(byPath.port), ...urls])
  const answers = said
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\w+ /, ''))
  return [...new Set(answers)].sort().join('; ')
}
