// A day of traffic on record, and the policy that is made of it: it needs no more than what was accepted and answered. Enforced,
// it lets all of that pass, and stops the scan that had found everything open.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FlowsAnswer } from '../../../shared/flows/query.ts'
import type { Replay } from '../../../shared/flows/replay.ts'
import { parseDocuments } from '../../../shared/intent/yaml.ts'
import { expectAll, type Question, serve } from '../conversation.ts'
import type { FleetShape } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../shapes.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const topology = {
  internet: ['hub'],
  sites: [homeSite('alpha', ['alpha-1', 'alpha-2']), homeSite('beta', ['beta-1'])],
}
/** As many begin: everything is open but for what somebody was afraid of. */
const wide = resource('Policy', 'wide', {
  subject: { nodeSelector: {} },
  ingress: [{ ports: [{ port: 1, endPort: 8_999 }, { protocol: 'UDP' }] }],
})
/** Somebody means to close this, and would like to know first whom it hits. */
const careful = resource('Policy', 'careful', {
  tier: 'Admin',
  mode: 'Audit',
  action: 'Deny',
  subject: { node: 'alpha-1' },
  ingress: [{ from: [{ nodeSelector: { matchLabels: { site: 'beta' } } }], ports: [{ port: 443 }] }],
})
const shape: FleetShape = {
  topology,
  intent: [network, pingPolicy, wide, careful, ...gatewayNodes(topology)],
  flags: { 'alpha-1': { agent: ['--policy-driver', 'auto'] }, 'alpha-2': { agent: ['--policy-driver', 'nft'] } },
}

const [SCAN_FROM, SCAN_TO, FORGOTTEN] = [1_000, 1_030, 1_005]
const DENIED = 9_100

/** Connects to each port and says nothing; prints those that are open. */
async function scan(node: LabNode, to: string): Promise<string> {
  const tries = `for p in $(seq ${SCAN_FROM} ${SCAN_TO}); do (timeout 0.5 bash -c "exec 3<>/dev/tcp/${to}/$p" && echo $p) 2>/dev/null & done; wait`
  const { stdout } = await node.host.attempt(['bash', '-c', tries])
  return stdout.split(/\s+/).filter(Boolean).join()
}

async function whatif(node: LabNode, policy: string): Promise<Replay> {
  const file = join(node.state(), 'least.yaml')
  writeFileSync(file, policy)
  const words = ['/var/lib/holdfast/least.yaml', '--delete', 'wide', '--delete', 'ping', '--json']
  return JSON.parse(await node.cli(['policy', 'whatif', ...words])) as Replay
}

function services({ changes }: Replay): string {
  return changes.map(({ answered, kind, port, protocol }) => `${kind} ${protocol} ${port ?? ''} ${answered}`).join(', ')
}

/** All that the suggestion lets in, as `who protocol port`. */
function opened(yaml: string): string {
  const [policy] = parseDocuments(yaml)
  if (policy?.kind !== 'Policy') return 'no policy'
  const lines = (policy.spec.ingress ?? []).flatMap(({ from, ports }) =>
    from.flatMap(({ nodeSelector }) =>
      ports.map(({ port, protocol }) => `${nodeSelector?.matchLabels?.['site']} ${protocol} ${port ?? ''}`.trim()),
    ),
  )
  return lines.sort().join(', ')
}

export const scenario: Scenario = {
  name: 'suggest',
  promise: 'the policy that is made of a day on record refuses nothing that was answered, and stops a scan',
  shape,
  async play(fleet, story) {
    const [one, two, stranger] = [fleet.node('alpha-1'), fleet.node('alpha-2'), fleet.node('beta-1')]
    await story.step('the mesh is whole, and nearly everything is open', () => fleet.mesh())
    const [to = '', to6 = ''] = await one.addresses()
    await serve(one.host, ['tcp', 80], ['tcp', 443], ['tcp', FORGOTTEN], ['tcp', DENIED], ['udp', 53])
    const day: readonly Question[] = [
      ...[to, to6].flatMap((address): Question[] => [
        { from: two.host, protocol: 'tcp', to: address, port: 80, passes: true },
        { from: two.host, protocol: 'udp', to: address, port: 53, passes: true },
      ]),
      { from: stranger.host, protocol: 'tcp', to, port: 443, passes: true },
    ]
    const refused: Question = { from: two.host, protocol: 'tcp', to, port: DENIED, passes: false }
    // Where nft counts, the kernel's word that nobody listens comes back as an answer would.
    const unheard = [to, await two.address()].map((address): Question => {
      return { from: stranger.host, protocol: 'udp', to: address, port: 5_353, passes: false }
    })
    await story.step('a day: services over both families, something denied, a question that nobody hears', () =>
      expectAll([...day, refused, ...unheard]),
    )
    await story.step('a policy in Audit mode refuses nothing, and says what it would refuse', async () => {
      const found = JSON.parse(await one.cli(['policy', 'audit', '--json'])) as Replay
      expect(services(found) === 'lost TCP 443 1', 'lost TCP 443, answered once', services(found))
    })
    await story.step('a scan finds a port that somebody forgot', async () => {
      const found = await scan(stranger, to)
      expect(found === String(FORGOTTEN), `port ${FORGOTTEN} is found open`, found)
    })
    const least = await story.step('the policy that is made of it opens what was answered, and no more', async () => {
      const yaml = await one.cli(['policy', 'suggest', '--since', '1h', '--direction', 'ingress'])
      const wanted = 'alpha ICMP, alpha TCP 80, alpha UDP 53, beta ICMP, beta TCP 443'
      expect(opened(yaml) === wanted, wanted, `${opened(yaml)}\n${yaml}`)
      expect(yaml.includes('taken for a scan: beta-1 tried'), 'a word on the scan', yaml)
      const other = await two.cli(['policy', 'suggest', '--direction', 'ingress'])
      expect(opened(other) === 'alpha ICMP, beta ICMP', 'pings alone at who served nothing', other)
      return yaml
    })
    await story.step('it would refuse nothing that was answered, says the server, and who called it', async () => {
      for (const node of [one, two]) {
        const found = await whatif(node, least)
        const lost = found.changes.filter(
          ({ answered, destination, kind }) => kind === 'lost' && answered > 0 && destination.name === one.name,
        )
        expect(lost.length === 0, 'no answered flow is lost', services(found))
        expect(found.unchanged.flows > 0, 'flows that stay as they were', services(found))
      }
      const { changes } = await whatif(one, least)
      const scanned = changes.filter(({ port = 0 }) => port >= SCAN_FROM && port <= SCAN_TO)
      expect(
        scanned.length > 20 && scanned.every(({ kind }) => kind === 'lost'),
        'the scan would be lost',
        services({ changes } as Replay),
      )
    })
    await story.step('applied at the hub and enforced: the same traffic passes', async () => {
      await fleet.hub.apply(least)
      for (const name of ['wide', 'ping']) await fleet.hub.cli(['delete', 'policy', name])
      await fleet.acknowledged()
      await expectAll([...day, refused, ...unheard])
      const { stdout } = await two.host.attempt(['ping', '-n', '-c', '1', '-W', '2', to])
      expect(stdout.includes('1 received'), 'an answered ping', stdout)
    })
    await story.step(
      'the scan finds nothing any more, and that is on record, by the policy that was made',
      async () => {
        const found = await scan(stranger, to)
        expect(found === '', 'no open port', found)
        const probe = async () => {
          const { items } = JSON.parse(
            await one.cli(['flows', '--denied', '--peer', stranger.name, '--json']),
          ) as FlowsAnswer
          const denied = items.filter(
            ({ reason }) => reason.kind === 'isolated' && reason.policies.includes('suggested-alpha-1'),
          )
          return holds(
            denied.some(({ flows = 1 }) => flows > 20),
            JSON.stringify(items.slice(-3)),
          )
        }
        await waitFor('the scan is on record as denied', probe, { timeoutMs: 20_000 })
        await expectAll([{ from: stranger.host, protocol: 'tcp', to, port: FORGOTTEN, passes: false }])
        const told = await one.cli(['explain', stranger.name, one.name, String(FORGOTTEN)])
        const isTold = /: refused\n[^]*before, until .*, accepted: wide ingress\[0\], Standard/.test(told)
        expect(isTold, 'that it is refused now, and was accepted before', told)
      },
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
