// A site whose firewall lets nothing out but TCP to port 443: the hub, MQTT and every peer are reached all the same.

import type { Fleet } from '../fleet.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { network, pingPolicy, relayNode } from '../shapes.ts'
import type { Topology } from '../topology.ts'
import { expect } from '../unmet.ts'
import { reaches } from '../ways.ts'

const topology: Topology = {
  internet: ['hub', 'relay-1'],
  sites: [
    { name: 'alpha', nat: 'https-only', hosts: ['alpha-1'] },
    { name: 'beta', nat: 'eim', hosts: ['beta-1'] },
    { name: 'gamma', nat: 'https-only', hosts: ['gamma-1'] },
  ],
}

/** Connections are made anew within a second or two, and three probes prove the path. */
const BACK_MS_MAX = 10_000

async function byTls(fleet: Fleet): Promise<void> {
  await Promise.all([
    reaches(fleet.node('alpha-1'), 'beta-1', 'tls'),
    reaches(fleet.node('beta-1'), 'alpha-1', 'relay'),
    reaches(fleet.node('alpha-1'), 'gamma-1', 'tls'),
    reaches(fleet.node('gamma-1'), 'alpha-1', 'tls'),
    reaches(fleet.node('relay-1'), 'alpha-1', 'tls'),
    reaches(fleet.node('beta-1'), 'relay-1', 'direct'),
  ])
}

async function toldTruly(fleet: Fleet): Promise<string> {
  const alpha = fleet.node('alpha-1')
  const explained = await alpha.cli(['explain', 'beta-1'])
  expect(explained.includes('through relay relay-1 over TLS'), 'the relay is named', explained)
  expect(explained.includes('This node is behind a firewall that blocks UDP'), 'and why it is needed', explained)
  const paths = await alpha.cli(['paths', 'beta-1'])
  expect(/\btls\b/.test(paths), 'paths shows the way by TLS', paths)
  const status = await alpha.cli(['status'])
  expect(status.includes('tls via relay-1'), 'status shows the way by TLS', status)
  const check = await alpha.cli(['netcheck'])
  expect(/NAT +UDP is blocked/.test(check), 'netcheck knows that UDP is blocked', check)
  const doctor = await fleet.node('relay-1').host.attempt(['holdfast', 'doctor'])
  expect(
    /relay TLS port +ok +TCP 443 answers here/.test(doctor.stdout),
    'doctor dials the own TLS relay',
    doctor.stdout,
  )
  return explained.split('\n')[0] ?? ''
}

export const scenario: Scenario = {
  name: 'https-only',
  promise: 'where nothing but port 443 is open, everything works through it, with or without the hub',
  shape: { topology, intent: [network, pingPolicy, relayNode(topology, 'relay-1')], hubPort: 443 },
  async play(fleet, story) {
    await story.step(
      'every pair answers',
      () => fleet.mesh(),
      ({ value }) => `${value} answers`,
    )
    await story.step('through the relay, by TLS where it has to be', () => byTls(fleet))
    await story.step(
      'and it is told truly',
      () => toldTruly(fleet),
      (told) => `“${told}”`,
    )
    await story.step('the hub dies, and nothing changes', async () => {
      await fleet.hub.kill()
      await fleet.mesh()
      await byTls(fleet)
    })
    const [alpha, beta, relay] = [fleet.node('alpha-1'), fleet.node('beta-1'), fleet.node('relay-1')]
    const during = watchPing(alpha.host, await beta.address(), 20)
    await story.step('the relay is killed, and started again', async () => {
      await relay.end('SIGKILL')
      await relay.start()
    })
    await story.step('every pair answers again', () => fleet.mesh())
    await story.step(
      'soon',
      async () => {
        const report = await during.stop()
        expect(report.gapMs <= BACK_MS_MAX, `a gap of at most ${BACK_MS_MAX} ms`, `${report.gapMs} ms`)
        return report
      },
      ({ gapMs }) => `${gapMs} ms without an answer`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
