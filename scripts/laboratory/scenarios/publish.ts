// A service of the mesh is taken to those who have no part in it: to the machines of a site's own LAN, and to the internet, by
// TCP, UDP, TLS and HTTP, over IPv4 and IPv6, with the hub gone.

import { ask, serve } from '../conversation.ts'
import type { Host } from '../host.ts'
import type { LabNode } from '../node.ts'
import { type Asked, onRecord } from '../on-record.ts'
import { askPages, askShared, byPath, cart, NAME, servePages, serving, shared } from '../published-web.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { openShop } from '../services.ts'
import { homeSite, network, pingPolicy, resource } from '../shapes.ts'
import { askTls, serveTls } from '../tls.ts'
import { internetAddress, outsideOf, type Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const PROGRAM = `${import.meta.dirname}/../shop.ts`
const PATIENCE_MS = 60_000
/** That one of two is met each time by chance: one in half a million. */
const VISITS = 20

const topology: Topology = {
  internet: ['hub', 'gate-1', 'stranger', 'foe'],
  bystanders: ['stranger', 'foe'],
  sites: [homeSite('alpha', ['alpha-1', 'alpha-2', 'alpha-3'], { backyard: { gateway: 'alpha-1', hosts: ['till'] } })],
}
const [YARD_GATE, YARD_GATE6, TILL, TILL6] = ['192.168.77.1', 'fd00:77::1', '192.168.77.11', 'fd00:77::11']
const GATE = internetAddress(topology, 'gate-1')

const byName = { protocol: 'TLS', port: 443, hostnames: ['*.example.com'] }

const shop = (sshPort: number): object =>
  resource('Service', 'shop', {
    ports: [
      { port: 80, targetPort: 8_080 },
      { protocol: 'UDP', port: 53, targetPort: 5_300 },
      { port: 443, targetPort: 8_443 },
      { port: 81, targetPort: 8_091 },
    ],
    backends: serving,
    probe: { port: 8_080, intervalS: 1, timeoutMs: 1_000 },
    publish: [
      { ...byPath, servicePort: 81, hostnames: ['*.example.com'] },
      { ...byPath, servicePort: 81, hostnames: ['old.example.net'], redirect: { scheme: 'https', hostname: NAME } },
      { ...shared, servicePort: 81 },
      { ...byName, gateways: { matchLabels: { gate: 'lan' } }, from: ['LAN'], interfaces: ['eth1'] },
      {
        ...byName,
        gateways: { matchLabels: { gate: 'internet' } },
        from: [`${internetAddress(topology, 'stranger')}/32`],
      },
      { gateways: { matchLabels: { gate: 'lan' } }, port: 8_000, servicePort: 80, from: ['LAN'], interfaces: ['eth1'] },
      { gateways: { matchLabels: { gate: 'lan' } }, protocol: 'UDP', port: 53, from: ['LAN'], interfaces: ['eth1'] },
      {
        gateways: { matchLabels: { gate: 'internet' } },
        port: sshPort,
        servicePort: 80,
        from: [`${internetAddress(topology, 'stranger')}/32`],
      },
    ],
  })

/** Those who serve let gateways in, and nobody else: who comes by them counts as them. */
const policy = resource('Policy', 'shop', {
  subject: { nodeSelector: serving },
  ingress: [
    {
      from: [{ nodeSelector: { matchExpressions: [{ key: 'gate', operator: 'Exists' }] } }],
      ports: [{ port: 8_080 }, { port: 8_443 }, { port: 8_091, endPort: 8_092 }, { protocol: 'UDP', port: 5_300 }],
    },
  ],
})

const node = (name: string, labels: object, more: object = {}): object => resource('Node', name, { labels, ...more })

async function visit(host: Host, address: string, port: number, times = 1): Promise<readonly string[]> {
  const said = await host.exec([process.execPath, PROGRAM, 'visit', address, String(port), String(times)])
  return said.trim().split('\n')
}

/** From some moment on these, each of them, and nobody else. */
function visited(host: Host, address: string, port: number, wanted: readonly string[]): Promise<unknown> {
  return waitFor(
    `${wanted.join(', ')} at ${address} port ${port} for ${host.name}`,
    async () => {
      const met = [...new Set(await visit(host, address, port, VISITS))].sort()
      return holds(met.join() === wanted.join(), met.join())
    },
    { timeoutMs: PATIENCE_MS },
  )
}

function publishedAt({ published = [] }: { readonly published?: readonly { readonly at: string }[] }): string {
  return published.map(({ at }) => at).join(' ')
}

export const scenario: Scenario = {
  name: 'publish',
  promise:
    'gateways take a service to their LAN and to the internet, for those whom people let come, with the hub gone',
  shape: {
    topology,
    flags: { 'alpha-1': { agent: ['--policy-driver', 'nft'], asUnit: true }, 'gate-1': { asUnit: true } },
    intent: [
      network,
      pingPolicy,
      policy,
      cart,
      node('alpha-1', { gate: 'lan' }, { publicEndpoint: `${outsideOf(topology, 'alpha')}:51820` }),
      node('gate-1', { gate: 'internet' }, { publicEndpoint: `${GATE}:51820` }),
      node('alpha-2', { role: 'web' }),
      node('alpha-3', { role: 'web' }),
    ],
  },
  async play(fleet, story) {
    const [inner, outer] = [fleet.node('alpha-1'), fleet.node('gate-1')]
    const [till, stranger, foe] = [fleet.net.host('till'), fleet.net.host('stranger'), fleet.net.host('foe')]
    const [two, three] = [fleet.node('alpha-2'), fleet.node('alpha-3')]
    const both = ['alpha-2', 'alpha-3']
    let certificate = ''
    const opened = new Map<LabNode, Awaited<ReturnType<typeof openShop>>>()
    await story.step('the mesh is whole, and two devices serve', async () => {
      await fleet.mesh()
      await till.ip([`address add ${TILL6}/64 dev eth0 nodad`])
      for (const one of [two, three]) opened.set(one, await openShop(one))
      await Promise.all([two, three].map(({ host }) => serve(host, ['udp', 5_300])))
      await serve(outer.host, ['tcp', 8_022])
    })
    await story.step('a port that a program of the gateway has stays that program’s, and people are told', async () => {
      await fleet.hub.apply(shop(8_022))
      await fleet.acknowledged()
      await fleet.sees(outer, 'is not published', ({ health }) =>
        health.some(
          ({ code, detail }) => code === 'not-published' && detail?.includes(`${GATE} TCP port 8022`) === true,
        ),
      )
      const seen = await ask(stranger, 'tcp', GATE, 8_022)
      expect(seen === internetAddress(topology, 'stranger'), 'the gateway’s own program answers', seen ?? 'silence')
      await fleet.hub.apply(shop(8_000))
      await fleet.acknowledged()
    })
    await story.step('the LAN and the internet reach it; whoever else comes does not', async () => {
      await visited(till, YARD_GATE, 8_000, both)
      await visited(stranger, GATE, 8_000, both)
      const [refused = ''] = await visit(foe, GATE, 8_000)
      expect(refused === 'ECONNREFUSED', 'a refusal', refused)
      const [elsewhere = ''] = await visit(two.host, '192.168.1.11', 8_000)
      expect(elsewhere === 'ECONNREFUSED', 'a refusal at the other interface', elsewhere)
      const seen = await ask(till, 'udp', YARD_GATE, 53)
      expect(seen === (await inner.address()), 'UDP is answered, to the gateway’s own address', seen ?? 'silence')
    })
    await story.step('the record says who asked, and not the gateway alone, by nft and by programs', async () => {
      const outside = { outside: TILL, service: 'shop' }
      const kinds = [
        { ...outside, protocol: 'tcp', port: 8_080 },
        { ...outside, protocol: 'udp', port: 5_300 },
      ] as const
      await onRecord(inner, kinds, async () => {
        await visit(till, YARD_GATE, 8_000)
        await ask(till, 'udp', YARD_GATE, 53)
      })
      const far = { ...outside, outside: internetAddress(topology, 'stranger') }
      await onRecord(outer, [{ ...far, protocol: 'tcp', port: 8_080 }], () => visit(stranger, GATE, 8_000))
      const told = await inner.cli(['flows', '--peer', TILL])
      expect(/192\.168\.77\.11:\d+ by alpha-1 +alpha-[23] for shop/.test(told), 'who, by whom, for what', told)
    })
    await story.step('the hub says where it is published', () =>
      waitFor(
        'the condition Published',
        async () => {
          const shown = await fleet.hub.cli(['get', 'services', '-o', 'json'])
          const said = [`TCP ${YARD_GATE}:8000 by alpha-1`, `TLS ${GATE}:443 by gate-1`]
          return holds(
            said.every((one) => shown.includes(one)),
            shown.match(/"Published[^}]*/g)?.join() ?? shown.slice(-2_000),
          )
        },
        { timeoutMs: PATIENCE_MS },
      ),
    )
    await story.step('the hub dies; an address that the gateway gets then is published all the same', async () => {
      await fleet.hub.kill()
      await inner.host.ip([`address add ${YARD_GATE6}/64 dev eth1 nodad`])
      await visited(till, YARD_GATE6, 8_000, both)
      const seen = await ask(till, 'udp', YARD_GATE6, 53)
      expect(seen === (await inner.addresses())[1], 'UDP over IPv6', seen ?? 'silence')
      const { services = [] } = await inner.status()
      const told = services.map(publishedAt).join()
      expect(told.includes(`[${YARD_GATE6}]:8000`), `[${YARD_GATE6}]:8000 in the status`, told)
    })
    await story.step('who serves is killed: those outside are led to the other', async () => {
      await opened.get(two)?.end('SIGKILL')
      await visited(till, YARD_GATE, 8_000, ['alpha-3'])
      await visited(stranger, GATE, 8_000, ['alpha-3'])
    })
    await story.step(
      'TLS is led by name, and the certificate is that of who serves; no other name leads there',
      async () => {
        certificate = (await serveTls(three.host, 8_443, NAME)).certificate
        const asks: readonly (readonly [Host, string, string, RegExp])[] = [
          [till, `${YARD_GATE}:443`, NAME, /^fine$/],
          [till, `[${YARD_GATE6}]:443`, NAME, /^fine$/],
          [stranger, `${GATE}:443`, NAME, /^fine$/],
          [stranger, `${GATE}:443`, 'example.org', /alert number 112/],
          [foe, `${GATE}:443`, NAME, /errno=104/],
        ]
        for (const [from, at, name, wanted] of asks) {
          const found = await askTls(from, at, name, certificate)
          expect(wanted.test(found), `${from.name} asks ${at} for ${name}: ${wanted.source}`, found)
        }
      },
    )
    await story.step('HTTP is led by host, path and query, each request of a connection by its own', async () => {
      await servePages(three)
      const said = await askPages(till, YARD_GATE)
      const wanted = [
        `anew 200 alpha-3 8091 /cartoon for ${TILL}`,
        `again 200 alpha-3 8092 /cart/7 for ${TILL}`,
        `again 200 alpha-3 8092 /x?part=cart for ${TILL}`,
        `again 200 alpha-3 8091 /x?part=else for ${TILL}`,
        'again 404 404 Not Found',
        'again 302 302 Found',
        `again 200 alpha-3 8091 / for ${TILL}`,
      ]
      expect(said.trim() === wanted.join('\n'), wanted.join('; '), said)
    })
    await story.step(
      'two services share the requests of a host, and are told what the gateway says of them',
      async () => {
        const met = await askShared(till, YARD_GATE, VISITS)
        const wanted = [8_091, 8_092].map((port) => `200 alpha-3 ${port} / for ${TILL} of blue`).join('; ')
        expect(met === wanted, wanted, met)
      },
    )
    await story.step(
      'who asked by TLS and HTTP is on record, too, though the gateway asks for them itself',
      async () => {
        const far = internetAddress(topology, 'stranger')
        const asked = (outside: string, service: string, port: number): Asked => {
          return { outside, service, protocol: 'tcp', port }
        }
        const near = [
          asked(TILL, 'shop', 443),
          asked(TILL, 'shop', 81),
          asked(TILL, 'cart', 80),
          asked(TILL6, 'shop', 443),
        ]
        await Promise.all([
          onRecord(inner, near, async () => {
            for (const at of [`${YARD_GATE}:443`, `[${YARD_GATE6}]:443`]) await askTls(till, at, NAME, certificate)
            await askPages(till, YARD_GATE)
          }),
          onRecord(outer, [asked(far, 'shop', 8_443)], () => askTls(stranger, `${GATE}:443`, NAME, certificate)),
        ])
      },
    )
    await story.step('the gateway leaves, and takes it away', async () => {
      await inner.cli(['leave'])
      const [refused = ''] = await visit(till, YARD_GATE, 8_000)
      const [named = ''] = await visit(till, YARD_GATE, 443)
      expect(`${refused} ${named}` === 'ECONNREFUSED ECONNREFUSED', 'refusals', `${refused} ${named}`)
      const tables = await inner.host.exec(['nft', 'list', 'tables'])
      expect(!tables.includes('holdfast'), 'no table', tables)
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
