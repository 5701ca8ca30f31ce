// One UDP port for WireGuard and for the agent's own datagrams, behind real NATs and firewalls: everybody outside sees one
// socket, WireGuard notices nothing, and the control port stays private.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { renderRuleset } from '../../edge/plan/nft.ts'
import { generateWgPrivateKey, wgPublicKey } from '../../shared/host/crypto.ts'
import { whyNoLab } from '../testing/privilege.ts'
import type { Host, Running } from './host.ts'
import { createNet, type Net } from './net.ts'
import { watchPing } from './ping.ts'
import type { Topology } from './topology.ts'
import { holds, waitFor } from './wait.ts'

const topology: Topology = {
  internet: ['here', 'there', 'elsewhere'],
  sites: [
    { name: 'eim', nat: 'eim', hosts: ['eim-1'] },
    { name: 'plain', nat: 'port-preserving', hosts: ['plain-1'] },
    { name: 'strict', nat: 'symmetric', hosts: ['strict-1'] },
    { name: 'lte', nat: 'symmetric', carrierNat: true, hosts: ['lte-1'] },
  ],
}
const OBSERVERS = { here: '198.18.0.10', there: '198.18.0.11' } as const
const ELSEWHERE = '198.18.0.12'
const SITES = ['eim-1', 'plain-1', 'strict-1', 'lte-1'] as const
/** Their own firewall drops what it is not told to accept. */
const FIREWALLED = ['there', 'strict-1'] as const
const PORT = 51_820
const CONTROL = 51_821
const PEER = join(import.meta.dirname, 'share-peer.ts')

const OWN_TABLE = renderRuleset({
  interface: 'hf0',
  mesh: [],
  forwards: [],
  share: { listenPort: PORT, controlPort: CONTROL },
})

/** As distributions set it up: answers come in; a server opens WireGuard's port, a client opens nothing. */
function firewall(server: boolean): string {
  return [
    'table inet firewall {',
    'chain input {',
    'type filter hook input priority filter; policy drop;',
    'iif lo accept',
    'ct state established,related accept',
    'ct state invalid drop',
    'meta l4proto ipv6-icmp accept',
    'iifname hf0 accept',
    ...(server ? [`udp dport ${PORT} accept`] : []),
    '}',
    '}',
    '',
  ].join('\n')
}

interface Speaker {
  readonly running: Running
  /** How often each text came from each endpoint, as `endpoint text`. */
  readonly heard: Map<string, number>
  readonly sharing: Promise<string>
}

const lab = suite('port sharing')
let net: Net
const keys = new Map<string, string>()
const speakers = new Map<string, Speaker>()

function speak(name: string, ...targets: readonly string[]): Speaker {
  const heard = new Map<string, number>()
  const words = [String(PORT), String(CONTROL), ...targets]
  const running = net.host(name).spawn([process.execPath, PEER, ...words], 'share', (line) => {
    const { from, text } = JSON.parse(line) as { readonly from?: string; readonly text?: string }
    if (from !== undefined) heard.set(`${from} ${text}`, (heard.get(`${from} ${text}`) ?? 0) + 1)
  })
  return { running, heard, sharing: running.said(/sharing/) }
}

function heardBy(name: string): ReadonlyMap<string, number> {
  return speakers.get(name)?.heard ?? new Map()
}

/** Where frames with this text came from. */
function sourcesOf(name: string, text: string): readonly string[] {
  return [...heardBy(name).keys()].flatMap((one) => {
    const [from = '', ...words] = one.split(' ')
    return words.join(' ') === text ? [from] : []
  })
}

function total(name: string): number {
  return [...heardBy(name).values()].reduce((sum, count) => sum + count, 0)
}

/** Its address in the tunnel. */
function tunnelAddress(name: string): string {
  return `10.9.0.${10 + [...Object.keys(OBSERVERS), ...SITES].indexOf(name)}`
}

async function setUp(host: Host, peers: readonly (readonly [string, string | undefined])[]): Promise<void> {
  const { name } = host
  const { code } = await host.attempt(['ip', 'link', 'add', 'hf0', 'type', 'wireguard'])
  if (code !== 0) await host.exec(['wireguard-go', 'hf0'])
  const words = peers.flatMap(([peer, endpoint]) => {
    const reach = ['peer', wgPublicKey(keys.get(peer) ?? ''), 'allowed-ips', `${tunnelAddress(peer)}/32`]
    if (endpoint === undefined) return reach
    return [...reach, 'endpoint', `${endpoint}:${PORT}`, 'persistent-keepalive', '1']
  })
  writeFileSync(join(host.lib, 'wg.key'), `${keys.get(name)}\n`, { mode: 0o600 })
  await host.exec(['wg', 'set', 'hf0', 'listen-port', String(PORT), 'private-key', '/var/lib/wg.key', ...words])
  await host.ip([`address add ${tunnelAddress(name)}/24 dev hf0`, 'link set hf0 mtu 1420 up'])
  await host.exec(['nft', '-f', '-'], { input: OWN_TABLE })
}

/** Where WireGuard sees a peer. */
async function endpointOf(observer: string, peer: string): Promise<string | undefined> {
  const text = await net.host(observer).exec(['wg', 'show', 'hf0', 'endpoints'])
  const key = wgPublicKey(keys.get(peer) ?? '')
  const line = text.split('\n').find((one) => one.startsWith(key))
  return line?.split('\t')[1]
}

lab.before(async () => {
  net = await createNet(topology)
  for (const name of [...Object.keys(OBSERVERS), ...SITES]) keys.set(name, generateWgPrivateKey())
  const [here, there] = [net.host('here'), net.host('there')]
  await here.ip(['address add fd99::1/64 dev eth0 nodad'])
  await there.ip(['address add fd99::2/64 dev eth0 nodad'])
  for (const name of FIREWALLED) {
    await net.host(name).exec(['nft', '-f', '-'], { input: firewall(name === 'there') })
  }
  const sites = SITES.map((site) => [site, undefined] as const)
  await Promise.all([here, there].map((observer) => setUp(observer, sites)))
  await Promise.all(SITES.map((site) => setUp(net.host(site), Object.entries(OBSERVERS))))
  const stun = net.host('elsewhere').spawn([process.execPath, PEER, 'serve-stun', '3478'], 'stun')
  await stun.said(/serving/)
  const node = (address: string): string => `node:${address}:${PORT}`
  speakers.set('here', speak('here', node('[fd99::2]'), `node:${OBSERVERS.there}:${CONTROL}`))
  speakers.set('there', speak('there', node('[fd99::1]'), `relay:${OBSERVERS.here}:${PORT}`))
  for (const site of SITES) {
    // The one that dies at the first router goes right before one that must not.
    const dying = `${node(OBSERVERS.here)}@1`
    speakers.set(site, speak(site, dying, ...Object.values(OBSERVERS).map(node), `stun:${ELSEWHERE}:3478`))
  }
})
lab.after(() => net.remove())

lab('every host finds out that it shares the port', async () => {
  for (const [name, { sharing }] of speakers) assert.match(await sharing, /true/, name)
})

lab('through every NAT and firewall, an observer sees one socket', async () => {
  for (const site of SITES) {
    const seen: (string | undefined)[] = []
    for (const [observer, address] of Object.entries(OBSERVERS)) {
      const text = `node:${address}:${PORT}`
      const { value } = await waitFor(
        `${observer} hears ${site} from where its WireGuard is`,
        async () => {
          const endpoint = await endpointOf(observer, site)
          const sources = sourcesOf(observer, text)
          const echoed = sourcesOf(site, `echo:${text}`)
          const done = endpoint !== undefined && sources.includes(endpoint) && echoed.includes(`${address}:${PORT}`)
          return done ? { done: endpoint } : { notYet: JSON.stringify({ endpoint, sources, echoed }) }
        },
        { timeoutMs: 15_000 },
      )
      seen.push(value)
    }
    const symmetric = site === 'strict-1' || site === 'lte-1'
    assert.is(seen[0] !== seen[1], symmetric, `${site}: ${seen.join(' and ')}`)
  }
})

lab('STUN tells the same of a NAT whose mapping does not depend on the destination', async () => {
  for (const site of ['eim-1', 'plain-1']) {
    const endpoint = await endpointOf('here', site)
    await waitFor(
      `${site} is told ${endpoint}`,
      () => holds(sourcesOf(site, `seen as ${endpoint}`).length > 0, [...heardBy(site).keys()].join(', ')),
      { timeoutMs: 5_000 },
    )
  }
})

lab('IPv6, and frames for relays', async () => {
  const all = (): boolean =>
    sourcesOf('there', `node:[fd99::2]:${PORT}`).includes(`[fd99::1]:${PORT}`) &&
    sourcesOf('here', `node:[fd99::1]:${PORT}`).includes(`[fd99::2]:${PORT}`) &&
    sourcesOf('here', `relay:${OBSERVERS.here}:${PORT}`).includes(`${OBSERVERS.there}:${PORT}`)
  await waitFor('both are heard', () => holds(all(), [...heardBy('here').keys()].join(', ')), { timeoutMs: 5_000 })
})

lab('WireGuard’s traffic is undisturbed by frames on its very 5-tuple', async () => {
  const before = SITES.map(total)
  const pings = SITES.flatMap((site) =>
    Object.keys(OBSERVERS).map((observer) => watchPing(net.host(site), tunnelAddress(observer), 10)),
  )
  await sleep(4_000)
  for (const report of await Promise.all(pings.map((ping) => ping.stop()))) {
    assert.ok(report.sent > 200, JSON.stringify(report))
    assert.is(report.lost, 0, JSON.stringify(report))
  }
  // Twenty echoes a second from each observer; what a busy machine delays is not lost.
  SITES.forEach((site, i) => assert.ok(total(site) - (before[i] ?? 0) > 80, `${site}: ${total(site)}`))
})

lab('nobody outside reaches the control port, and no packet that should die on the way lives on', () => {
  assert.equal(sourcesOf('there', `node:${OBSERVERS.there}:${CONTROL}`), [])
  assert.equal(sourcesOf('here', `node:${OBSERVERS.here}:${PORT}@1`), [])
})

lab('a peer’s new mapping shows in both at once', async () => {
  const before = sourcesOf('here', `node:${OBSERVERS.here}:${PORT}`).find((one) => one.startsWith('198.18.1.3:'))
  await net.rebindNat('strict')
  const moved = await waitFor(
    'WireGuard follows, and so do frames',
    async () => {
      const endpoint = await endpointOf('here', 'strict-1')
      const heard = sourcesOf('here', `node:${OBSERVERS.here}:${PORT}`)
      return endpoint !== undefined && endpoint !== before && heard.includes(endpoint)
        ? { done: endpoint }
        : { notYet: `${endpoint} of ${heard.join(', ')}` }
    },
    { timeoutMs: 10_000 },
  )
  assert.match(moved.value, /^198\.18\.1\.3:/)
})

lab('a host whose rules are gone, or lead nowhere, knows that it does not share', async () => {
  const host = net.host('here')
  await speakers.get('here')?.running.end('SIGKILL')
  await host.exec(['nft', 'delete', 'chain', 'inet', 'holdfast', 'share_in'])
  assert.match(await speak('here').sharing, /false/)
  await host.exec(['nft', 'delete', 'table', 'inet', 'holdfast'])
  assert.match(await speak('here').sharing, /false/)
})

if (whyNoLab() === undefined) lab.run()
else process.stdout.write(`skip: ${whyNoLab()}\n`)
