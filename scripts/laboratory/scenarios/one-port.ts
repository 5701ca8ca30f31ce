// One public host with a hub and a relay behind its port 443, and sites that reach nothing else: one of them through a
// company's HTTP proxy alone. No other port of the host takes part.

import { join } from 'node:path'
import type { Fleet } from '../fleet.ts'
import type { Net } from '../net.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode, resource } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { reaches } from '../ways.ts'

const topology: Topology = {
  internet: ['hub'],
  bystanders: ['gamma-proxy'],
  sites: [
    { name: 'alpha', nat: 'https-only', hosts: ['alpha-1'] },
    { name: 'gamma', nat: 'https-only', hosts: ['gamma-1', 'gamma-proxy'] },
  ],
}
const PROXY = join(import.meta.dirname, '..', 'http-proxy.ts')
const PROXY_ADDRESS = '192.168.2.12'
const throughProxy = ['--proxy', `http://${PROXY_ADDRESS}:3128`]
/** The broker's clients wait up to 30 s before they come back after a stable link, so that a fleet does not come at once. */
const BACK_MS_MAX = 45_000

/** At gamma nothing but the proxy gets out. */
async function prepare(net: Net): Promise<void> {
  const rule = ['ip', 'lab', 'forward', 'iifname', 'lan', 'ip', 'saddr', '!=', PROXY_ADDRESS, 'drop']
  await net.host('gamma-router').exec(['nft', 'insert', 'rule', ...rule])
  await net
    .host('gamma-proxy')
    .spawn([process.execPath, PROXY, PROXY_ADDRESS, '3128'], 'proxy')
    .said(/listens/)
}

async function byTls(fleet: Fleet): Promise<void> {
  const [alpha, gamma, hub] = [fleet.node('alpha-1'), fleet.node('gamma-1'), fleet.node('hub')]
  await Promise.all([
    reaches(alpha, 'gamma-1', 'tls'),
    reaches(gamma, 'alpha-1', 'tls'),
    reaches(alpha, 'hub', 'tls'),
    reaches(gamma, 'hub', 'tls'),
    reaches(hub, 'alpha-1', 'tls'),
    reaches(hub, 'gamma-1', 'tls'),
  ])
}

/** What stands open at the host for others than itself and its mesh. */
async function openPorts(fleet: Fleet): Promise<string> {
  const [listening, mesh] = await Promise.all([
    fleet.hub.host.exec(['ss', '-Hltn']),
    fleet.node(fleet.hub.host.name).addresses(),
  ])
  const ports = listening
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3] ?? '')
    .filter((at) => at !== '' && !at.startsWith('127.'))
    .filter((at) => !mesh.includes(at.replace(/:\d+$/, '').replace(/[[\]]/g, '')))
  expect(ports.length === 1 && (ports[0] ?? '').endsWith(':443'), 'TCP 443 alone is open', ports.join(', '))
  return ports.join(', ')
}

async function proxySpoken(fleet: Fleet): Promise<string> {
  const lines = fleet.net.host('gamma-proxy').logTail(200).split('\n')
  const asked = new Set(lines.flatMap((line) => /CONNECT (\S+)/.exec(line)?.[1] ?? []))
  expect([...asked].join() === '198.18.0.10:443', 'the proxy led to the one port alone', [...asked].join(', '))
  const doctor = await fleet.node('gamma-1').host.attempt(['holdfast', 'doctor', ...throughProxy])
  expect(/through the proxy 192\.168\.2\.12:3128/.test(doctor.stdout), 'doctor names the proxy', doctor.stdout)
  return `${lines.filter((line) => line.includes('CONNECT')).length} connections`
}

const stricter = resource('Policy', 'ping', {
  subject: { nodeSelector: {} },
  ingress: [{ ports: [{ protocol: 'ICMP' }] }, { ports: [{ protocol: 'TCP', port: 80 }] }],
})

export const scenario: Scenario = {
  name: 'one-port',
  promise: 'one public host, one port: sites with nothing but 443, or a proxy, join, talk, and follow the hub',
  shape: {
    topology,
    intent: [network, pingPolicy, relayNode(topology, 'hub')],
    onePort: true,
    flags: { 'gamma-1': { join: throughProxy, agent: throughProxy } },
    prepare,
  },
  async play(fleet, story) {
    await story.step(
      'nothing but TCP 443 is open for others',
      () => openPorts(fleet),
      (ports) => ports,
    )
    await story.step(
      'every pair answers',
      () => fleet.mesh(),
      ({ value }) => `${value} answers`,
    )
    await story.step('by TLS, all of them', () => byTls(fleet))
    await story.step(
      'the proxied site used its proxy and nothing else',
      () => proxySpoken(fleet),
      (told) => told,
    )
    const [alpha, gamma] = [fleet.node('alpha-1'), fleet.node('gamma-1')]
    const during = watchPing(alpha.host, await gamma.address(), 20)
    await story.step('the hub restarts, and payload does not notice', async () => {
      await fleet.hub.stop()
      await fleet.hub.start()
    })
    await story.step(
      'all come back to it',
      () =>
        Promise.all(
          fleet.nodes.map((node) => fleet.sees(node, 'online', ({ mode }) => mode === 'online', BACK_MS_MAX)),
        ),
      (waits) =>
        waits.map(({ elapsedMs }, i) => `${fleet.nodes[i]?.name} after ${Math.round(elapsedMs)} ms`).join(', '),
    )
    await story.step(
      'not a packet was lost meanwhile',
      async () => {
        const report = await during.stop()
        expect(report.gapMs <= 500, 'no gap', `${report.gapMs} ms`)
        return report
      },
      ({ gapMs }) => `longest gap ${gapMs} ms`,
    )
    await story.step(
      'a policy change is acknowledged by all',
      async () => {
        await fleet.hub.apply(stricter)
        return await fleet.acknowledged()
      },
      ({ elapsedMs, value }) => `revision ${value} after ${Math.round(elapsedMs)} ms`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
