// Promises 4 and 6: losing the hub disturbs nothing, and what the hub says of the fleet is what the devices said.

import type { AgentStatus } from '../../../edge/agent.ts'
import { lookUp } from '../conversation.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { type PingWatch, watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { findShop, openShop, servedBy, shopOf, stayAt } from '../services.ts'
import { resource, twoSites } from '../shapes.ts'
import type { Story } from '../story.ts'
import { expect } from '../unmet.ts'
import { holds, waitFor } from '../wait.ts'

const webPolicy = resource('Policy', 'web', {
  subject: { nodeSelector: { matchLabels: { role: 'worker' } } },
  ingress: [{ ports: [{ protocol: 'TCP', port: 80 }] }],
})

async function watchAll(fleet: Fleet): Promise<readonly PingWatch[]> {
  const pairs = [
    ['alpha-1', 'beta-1'],
    ['alpha-2', 'beta-2'],
    ['alpha-3', 'alpha-2'],
  ] as const
  return Promise.all(pairs.map(async ([from, to]) => watchPing(fleet.node(from).host, await fleet.node(to).address())))
}

async function nothingLost(watches: readonly PingWatch[]): Promise<number> {
  const reports = await Promise.all(watches.map((watch) => watch.stop()))
  for (const { gapMs, lost, sent } of reports) {
    expect(lost === 0, 'no ping lost', `${lost} of ${sent} lost, ${gapMs} ms in a row`)
  }
  return reports.reduce((sum, { sent }) => sum + sent, 0)
}

function modes(fleet: Fleet, mode: 'online' | 'autonomous') {
  return Promise.all(
    fleet.nodes.map((node) => fleet.sees(node, `is ${mode}`, (status) => status.mode === mode, 60_000)),
  )
}

async function namesKnown(fleet: Fleet, asked: LabNode): Promise<void> {
  await fleet.sees(asked, 'answers for names', ({ names }) => (names?.at.length ?? 0) > 0)
  const { names } = await asked.status()
  const server = `${await asked.address()}:${names?.port ?? 0}`
  for (const node of fleet.nodes) {
    const [own, whole] = [await node.address(), `${node.name}.${names?.domain ?? ''}`]
    const found = [await lookUp(asked.host, server, whole), await lookUp(asked.host, server, own)].join(' ')
    expect(found === `${own} ${whole}`, `${own} ${whole}`, found)
  }
}

export const scenario: Scenario = {
  name: 'hub-outage',
  promise: 'no packet is lost when the hub dies, agents restart or intent changes, and roll-out is told truthfully',
  shape: twoSites,
  async play(fleet, story) {
    const { hub } = fleet
    const [restarted, killed] = [fleet.node('alpha-2'), fleet.node('beta-2')]
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('a service that alpha serves', async () => {
      await hub.apply(...shopOf('alpha'))
      await fleet.acknowledged()
    })
    const watches = await story.step('pings every 20 ms from now on, on three paths', () => watchAll(fleet))
    await story.step('the hub is killed', () => hub.kill())
    await story.step('every device says that it is autonomous', () => modes(fleet, 'autonomous'))
    await story.step(
      'and what it waits for, when it tries again, and which peers answer meanwhile',
      () => cutOffSaid(fleet, restarted),
      (said) => said,
    )
    await story.step('alpha-2’s agent is stopped and started', async () => {
      await restarted.end('SIGTERM')
      await restarted.start()
    })
    await story.step('it knows the others by their names, both ways', () => namesKnown(fleet, restarted))
    await servesOn(fleet, story)
    await story.step('beta-2’s agent is killed with -9 and started', async () => {
      await killed.end('SIGKILL')
      await killed.start()
    })
    await story.step('the hub is started again', () => hub.start())
    await story.step('every device is online', () => modes(fleet, 'online'))
    await story.step('beta-2’s agent stops; a policy is applied', async () => {
      await killed.end('SIGTERM')
      await hub.apply(webPolicy)
    })
    await story.step('the hub says: four have it, beta-2 is offline', () =>
      waitFor(
        '4 of 5 acknowledged, beta-2 offline, nobody pending',
        async () => {
          const { acknowledged, nodes, offline, pending } = await hub.rollOut()
          const seen = `${acknowledged} of ${nodes}, offline: ${offline.join(' ')}, pending: ${pending.join(' ')}`
          return holds(acknowledged === 4 && nodes === 5 && offline.join() === 'beta-2' && pending.length === 0, seen)
        },
        { timeoutMs: 15_000, everyMs: 200 },
      ),
    )
    await story.step(
      'and does not call the policy programmed',
      async () => {
        const programmed = await programmedOf(fleet)
        expect(programmed.status !== 'True', 'Programmed is not True', `${programmed.status}: ${programmed.message}`)
        return programmed
      },
      ({ message, status }) => `Programmed ${status}: ${message}`,
    )
    await story.step(
      'it says since when beta-2 is away and what it ran',
      () => awaySaid(fleet),
      (said) => said,
    )
    await story.step('beta-2’s agent starts; every device acknowledges', async () => {
      await killed.start()
      await fleet.acknowledged()
    })
    await story.step(
      'now it is programmed',
      async () => {
        const programmed = await programmedOf(fleet)
        expect(programmed.status === 'True', 'Programmed is True', `${programmed.status}: ${programmed.message}`)
        return programmed
      },
      ({ message }) => message,
    )
    await story.step(
      'not one ping was lost in all that',
      () => nothingLost(watches),
      (sent) => `${sent} sent`,
    )
  },
}

/** A service without the hub: found by name, spread over who serves, and never left to who does not. */
async function servesOn(fleet: Fleet, story: Story): Promise<void> {
  const [one, two, three] = [fleet.node('alpha-1'), fleet.node('alpha-2'), fleet.node('alpha-3')]
  const client = fleet.node('beta-1')
  const shops = await Promise.all([one, two, three].map((node) => openShop(node)))
  const address = await story.step(
    'beta-1 finds the service by its name',
    () => findShop(fleet, client),
    (found) => found,
  )
  const served = (by: readonly LabNode[]) =>
    servedBy(
      client,
      address,
      by.map(({ name }) => name),
    )
  await story.step(
    'three serve it',
    () => served([one, two, three]),
    (counts) => counts,
  )
  const stay = await stayAt(client, address, one.name)
  await story.step(
    'alpha-1 drains: no new connection goes there, and the one that it has goes on',
    async () => {
      await one.cli(['drain'])
      const counts = await served([two, three])
      await stay.goesOn()
      return counts
    },
    (counts) => counts,
  )
  const silent = await stayAt(client, address, three.name)
  await story.step(
    'what serves on alpha-2 is killed: alpha-3 serves alone',
    async () => {
      await shops[1]?.end('SIGKILL')
      return await served([three])
    },
    (counts) => counts,
  )
  await story.step(
    'alpha-3 is heard no more: alpha-1 serves though it drains, and whoever was with alpha-3 is told to begin anew',
    async () => {
      const deaf = 'add table inet deaf; add chain inet deaf in { type filter hook input priority -300; }'
      await three.host.exec(['nft', `${deaf}; add rule inet deaf in tcp dport 8080 drop`])
      const counts = await served([one])
      const why = await silent.ended()
      expect(why === 'ECONNRESET', 'ECONNRESET', why)
      await stay.goesOn()
      return counts
    },
    (counts) => counts,
  )
  await story.step(
    'beta-1 says why',
    async () => {
      const said = /^shop .*$/m.exec(await client.cli(['status']))?.[0] ?? 'nothing'
      const isTold = ['alpha-2 fails (ECONNREFUSED)', 'alpha-3 lost (no answer'].every((words) => said.includes(words))
      expect(isTold, 'who fails and who is lost', said)
      return said.replaceAll(/ {2,}/g, ' ')
    },
    (said) => said,
  )
}

/** As people and as a Prometheus are told. */
async function cutOffSaid(fleet: Fleet, node: LabNode): Promise<string> {
  const isPort = ({ cutOff }: AgentStatus): boolean => cutOff?.waitsFor === 'hub-port' && cutOff.peersReachable > 0
  await fleet.sees(
    node,
    'says that the hub’s host answers and its port is closed, and that peers are there',
    isPort,
    60_000,
  )
  const metrics = await node.cli(['metrics'])
  for (const line of ['holdfast_agent_online 0', 'holdfast_agent_waits_for{what="hub-port"} 1']) {
    expect(metrics.includes(`${line}\n`), `the metrics say ${line}`, metrics)
  }
  return /^cut off {3}(.*)$/m.exec(await node.cli(['status']))?.[1] ?? 'nothing'
}

async function awaySaid({ hub }: Fleet): Promise<string> {
  const said = /^beta-2 .*$/m.exec(await hub.cli(['status']))?.[0]
  expect(said !== undefined, 'the hub lists beta-2 as away', 'it does not')
  return said ?? ''
}

async function programmedOf(fleet: Fleet): Promise<{ readonly status: string; readonly message: string }> {
  const { status } = JSON.parse(await fleet.hub.cli(['get', 'policy', 'web', '-o', 'json'])) as {
    status: { conditions: readonly { type: string; status: string; message: string }[] }
  }
  return status.conditions.find(({ type }) => type === 'Programmed') ?? { status: 'absent', message: '' }
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
