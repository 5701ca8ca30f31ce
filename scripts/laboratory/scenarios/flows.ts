// Every flow on record: real packets, accepted and denied, stand in the ledgers of both ends by name, labels, verdict and
// rule, whichever way policy is enforced. What nobody looked at is told, and whoever cuts or edits the record is found.

import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import Database from 'better-sqlite3'
import type { FleetFlows } from '../../../cloud/flows/fleet-flows.ts'
import type { FlowsAnswer, ShownFlow, ShownLoss } from '../../../shared/flows/query.ts'
import { ask, expectAll, serve } from '../conversation.ts'
import type { LabHub } from '../hub.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite, resource } from '../shapes.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const PATIENCE_MS = 60_000
const [LAN_GATE, LAN_ASKER] = ['192.168.1.11', '192.168.1.12']

const web = resource('Policy', 'web', {
  subject: { nodeSelector: { matchLabels: { role: 'worker' } } },
  ingress: [{ from: [{ nodeSelector: { matchLabels: { role: 'gateway' } } }], ports: [{ port: 80 }] }],
})

/** For whoever is on the LAN, at a gateway that serves nothing itself; probes would go on record all the time. */
const shop = resource('Service', 'shop', {
  ports: [{ port: 80 }],
  backends: { matchLabels: { role: 'worker' } },
  probe: { port: 80, intervalS: 3_600 },
  publish: [{ gateways: { matchLabels: { role: 'gateway' } }, port: 8_000, servicePort: 80, from: ['LAN'] }],
})

async function flowsOf(node: LabNode, words: readonly string[] = []): Promise<FlowsAnswer> {
  return JSON.parse(await node.cli(['flows', '--json', ...words])) as FlowsAnswer
}

function onRecord(node: LabNode, what: string, wanted: (flow: ShownFlow) => boolean): Promise<unknown> {
  const probe = async () => {
    const { items } = await flowsOf(node)
    return holds(items.some(wanted), JSON.stringify(items.slice(-5)))
  }
  return waitFor(`${node.name} has ${what} on record`, probe, { timeoutMs: PATIENCE_MS })
}

function lossOnRecord(node: LabNode, why: ShownLoss['why']): Promise<unknown> {
  const probe = async () => {
    const { lostBefore } = await flowsOf(node)
    return holds(
      lostBefore.some((loss) => loss.why === why),
      JSON.stringify(lostBefore),
    )
  }
  return waitFor(`${node.name} says what it has not on record: ${why}`, probe, { timeoutMs: PATIENCE_MS })
}

function isWeb({ destination, destinationPort, reason, source, verdict }: ShownFlow): boolean {
  return (
    verdict === 'accept' &&
    source.name === 'alpha-1' &&
    source.labels?.['role'] === 'gateway' &&
    destination.name === 'alpha-2' &&
    destination.labels?.['role'] === 'worker' &&
    destinationPort === 80 &&
    (reason.kind !== 'rule' || (reason.policy === 'web' && reason.index === 0))
  )
}

function isAnsweredWeb(flow: ShownFlow): boolean {
  return isWeb(flow) && flow.sent.packets > 0 && flow.back.packets > 0 && flow.path !== undefined
}

function isAskedOutside({ destination, outside, source }: ShownFlow): boolean {
  const isTold = outside?.address === LAN_ASKER && outside.service === 'shop'
  return isTold && source.name === 'alpha-1' && destination.name === 'alpha-2'
}

function isDenied({ destination, destinationPort, reason, source, verdict }: ShownFlow): boolean {
  const byWeb = reason.kind === 'isolated' && reason.policies.includes('web')
  const isTheirs = source.name === 'alpha-1' && destination.name === 'alpha-2'
  return verdict === 'drop' && isTheirs && destinationPort === 81 && byWeb
}

function isDeniedThere({ destinationPort, direction, reason, source, verdict }: ShownFlow): boolean {
  const theirs = source.name === 'alpha-2' && destinationPort === 82
  return (
    verdict === 'drop' &&
    direction === 'ingress' &&
    theirs &&
    reason.kind === 'isolated' &&
    reason.policies.includes('ping')
  )
}

/** Until the hub has just what the device has, each flow once. */
function brought(hub: LabHub, node: LabNode): Promise<unknown> {
  const probe = async () => {
    const own = await flowsOf(node)
    const { items } = JSON.parse(await hub.cli(['flows', '--node', node.name, '--json'])) as FleetFlows
    const here = own.items.map((flow) => ({ ...flow, node: node.name, network: 'default' }))
    // Strangers of then have a name by now, which is the hub's word and not the device's.
    const told = items.map(({ destinationNow: _to, sourceNow: _from, ...flow }) => flow)
    const isSame = isDeepStrictEqual(new Set(told), new Set(here)) && items.length === here.length
    return holds(isSame && here.length > 0, `${items.length} of ${here.length} flows`)
  }
  return waitFor(`the hub has the flows of ${node.name}`, probe, { timeoutMs: PATIENCE_MS })
}

async function auditOf(hub: LabHub): Promise<readonly string[]> {
  const { items } = JSON.parse(await hub.cli(['audit', '--json'])) as { items: readonly { verb: string }[] }
  return items.map(({ verb }) => verb)
}

/** What somebody with root does to the record while the agent is away. */
function tamper(node: LabNode, sql: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'hf-lab-flows-'))
  // SQLite wants a path that is the file's own, and not one through the host's mounts.
  const [theirs, here] = [join(node.state(), 'flows.db'), join(directory, 'flows.db')]
  try {
    copyFileSync(theirs, here)
    const db = new Database(here)
    db.exec(sql)
    db.close()
    copyFileSync(here, theirs)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function verified(node: LabNode): Promise<string> {
  const { stdout } = await node.host.attempt(['holdfast', 'flows', '--verify'])
  return stdout.trim()
}

export const scenario: Scenario = {
  name: 'flows',
  promise:
    'every flow is on record at both ends, accepted or denied, by name, labels and rule; what is missing is told',
  shape: { ...oneSite, asUnit: true, flags: { 'alpha-2': { agent: ['--policy-driver', 'auto'] } } },
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    await story.step('the mesh is whole; workers let gateways in at TCP 80', async () => {
      await fleet.mesh()
      await fleet.hub.apply(web)
      await fleet.acknowledged()
    })
    const [to = '', to6 = ''] = await two.addresses()
    const back = await one.address()
    await serve(two.host, ['tcp', 80], ['tcp', 81])
    await serve(one.host, ['tcp', 82])
    await story.step('TCP 80 passes and TCP 81 is dropped, over both families', () =>
      expectAll(
        [to, to6].flatMap((address) => [
          { from: one.host, protocol: 'tcp', to: address, port: 80, passes: true },
          { from: one.host, protocol: 'tcp', to: address, port: 81, passes: false },
        ]),
      ),
    )
    await story.step(
      'both are on record at alpha-2, with the rule that accepted and the policy that did not',
      async () => {
        await onRecord(two, 'TCP 80, answered', isAnsweredWeb)
        await onRecord(two, 'TCP 81, denied', isDenied)
      },
    )
    await story.step(
      'alpha-1, where nft enforces, has on record what it opened, and what it let nobody open',
      async () => {
        await onRecord(one, 'TCP 80, going out', (flow) => flow.direction === 'egress' && isWeb(flow))
        await expectAll([{ from: two.host, protocol: 'tcp', to: back, port: 82, passes: false }])
        await onRecord(one, 'TCP 82, denied', isDeniedThere)
      },
    )
    await story.step('what the kernels say of themselves to the link is no flow, and none is missing', async () => {
      for (const node of [one, two]) {
        const { lostBefore } = await flowsOf(node)
        const full = lostBefore.filter(({ why }) => why === 'full')
        expect(full.length === 0, `${node.name} misses no flow`, JSON.stringify(full))
      }
    })
    await story.step('somebody of the LAN asks alpha-1 for what alpha-2 serves: who it was is on record', async () => {
      await fleet.hub.apply(shop)
      await fleet.acknowledged()
      const probe = async () => {
        await ask(two.host, 'tcp', LAN_GATE, 8_000)
        const { items } = await flowsOf(one, ['--peer', 'shop'])
        return holds(items.some(isAskedOutside), JSON.stringify(items.slice(-5)))
      }
      await waitFor('alpha-1 has on record for whom it asked', probe, { timeoutMs: PATIENCE_MS })
      await fleet.hub.cli(['delete', 'service', 'shop'])
      await fleet.acknowledged()
    })
    await story.step(
      'agents are killed, and traffic goes on without them: that this is not on record is said',
      async () => {
        for (const node of [one, two]) {
          await node.end('SIGKILL')
          await expectAll([{ from: one.host, protocol: 'tcp', to, port: 80, passes: true }])
          await node.start()
          await lossOnRecord(node, 'restart')
        }
      },
    )
    await story.step('afterwards flows are on record again, and all of it is whole', async () => {
      const { newest } = await flowsOf(two)
      await ask(one.host, 'tcp', to, 80)
      await onRecord(two, 'a later TCP 80', (flow) => isWeb(flow) && flow.seq > newest)
      const seen = await verified(two)
      expect(seen.startsWith('the record is whole'), 'a record that is whole', seen)
    })
    await story.step('the hub has it all, of both ends, and lets people ask who talked with whom', async () => {
      for (const node of [one, two]) await brought(fleet.hub, node)
      const shown = await fleet.hub.cli(['flows', '--denied', '--peer', 'alpha-1'])
      expect(/alpha-2 .* denied .*alpha-1/.test(shown), 'what alpha-2 denied alpha-1', shown)
      const asked = await fleet.hub.cli(['flows', '--peer', 'shop'])
      expect(/192\.168\.1\.12:\d+ by alpha-1 +alpha-2 for shop/.test(asked), 'who asked, by whom, for what', asked)
    })
    await story.step('the hub is dead: flows go on record; it is back, and has each of them, once', async () => {
      await fleet.hub.kill()
      const { newest } = await flowsOf(two)
      await expectAll([{ from: one.host, protocol: 'tcp', to, port: 80, passes: true }])
      await onRecord(two, 'TCP 80, with the hub dead', (flow) => isWeb(flow) && flow.seq > newest)
      await fleet.hub.start()
      for (const node of [one, two]) await brought(fleet.hub, node)
      const seen = await verified(two)
      expect(seen.startsWith('the record is whole'), 'a record that is whole', seen)
    })
    await story.step('somebody edits a batch of it: that is found', async () => {
      await two.end('SIGTERM')
      tamper(two, 'UPDATE link SET batch = CAST(replace(CAST(batch AS TEXT), \'"drop"\', \'"accept"\') AS BLOB)')
      const seen = await verified(two)
      expect(/batch \d+ was changed/.test(seen), 'the edited batch by its number', seen)
    })
    await story.step('somebody cuts its end off: it is set aside, a new one begins, and both are said', async () => {
      tamper(two, 'DELETE FROM link WHERE seq = (SELECT max(seq) FROM link)')
      await two.start()
      await lossOnRecord(two, 'damaged')
      const { health } = await two.status()
      const codes = health.map(({ code }) => code).join()
      expect(codes.includes('flow-ledger-broken'), 'the condition flow-ledger-broken', codes)
      await ask(one.host, 'tcp', to, 80)
      await onRecord(two, 'TCP 80 in the new one', isWeb)
      const probe = async () => {
        const found = await auditOf(fleet.hub)
        return holds(found.includes('flow-ledger-anew'), found.join())
      }
      await waitFor('the hub takes the new one for what it is', probe, { timeoutMs: PATIENCE_MS })
      const known = await fleet.hub.cli(['explain', 'node', two.name])
      expect(!/flow-ledger-(?:cut|forked|edited)/.test(known), 'nobody accused', known)
    })
    await story.step('they leave, and nothing is counted any more', async () => {
      await two.cli(['leave'])
      await one.cli(['leave'])
      for (const { host } of [one, two]) {
        const { stdout } = await host.attempt(['nft', 'list', 'tables'])
        expect(!stdout.includes('holdfast_flows'), 'no table of flows', stdout)
      }
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
