// Who is gone is said within seconds, though WireGuard's session with it would last for minutes; who has merely lost its agent
// is not, because its packets come on.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite } from '../shapes.ts'
import { expect } from '../unmet.ts'
import { type Seen, waitFor } from '../wait.ts'

/** Looks at the kernel come every four seconds, on a machine that has other things to do. */
const SAID_MS_MAX = 45_000
/** Longer than the silence by which a peer is called gone. */
const AGENTLESS_MS = 15_000

function pathTo(fleet: Fleet, node: LabNode, peer: LabNode, gone: boolean) {
  return fleet.sees(
    node,
    `${peer.name} is ${gone ? 'not ' : ''}reached`,
    ({ peers }) => peers.some(({ name, path }) => name === peer.name && (path === 'none') === gone),
    SAID_MS_MAX,
  )
}

/** It answers probes, and is said to be reached. */
async function meets(fleet: Fleet, node: LabNode, peer: LabNode): Promise<void> {
  await waitFor(
    `${peer.name} answers ${node.name}`,
    async (): Promise<Seen<true>> => {
      const ways = (await node.paths()).peers.flatMap(({ candidates }) => candidates)
      const proven = ways.some(({ inUse, state }) => inUse && state === 'valid')
      return proven ? { done: true } : { notYet: ways.map(({ reason }) => reason).join('; ') }
    },
    { timeoutMs: SAID_MS_MAX },
  )
  await pathTo(fleet, node, peer, false)
}

/** The kernel goes on, and so does the payload. */
async function withoutAgent(one: LabNode, two: LabNode): Promise<string> {
  const watch = watchPing(one.host, await two.address(), 200)
  await two.end('SIGKILL')
  const said = new Set<string>()
  for (let span = 0; span < AGENTLESS_MS; span += 500) {
    const { peers } = await one.status()
    said.add(peers.find(({ name }) => name === two.name)?.path ?? 'nothing')
    await sleep(500)
  }
  const { lost, sent } = await watch.stop()
  expect(lost === 0, 'no ping lost', `${lost} of ${sent}`)
  expect(!said.has('none'), 'it is said to be reached all the time', [...said].join(', '))
  await two.start()
  return [...said].join(', ')
}

export const scenario: Scenario = {
  name: 'gone',
  promise: 'a device that is gone is said to be within seconds; one whose agent alone is away is not',
  shape: oneSite,
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    await story.step('the mesh is whole', () => fleet.mesh())
    await story.step('alpha-1 and alpha-2 meet', () => meets(fleet, one, two))
    await story.step('the hub is killed', () => fleet.hub.kill())
    await story.step(
      'the agent of alpha-2 is killed: nobody notices',
      () => withoutAgent(one, two),
      (said) => `reached by ${said}`,
    )
    const watch = watchPing(one.host, await two.address(), 200)
    await story.step('the paths answer again', () => meets(fleet, one, two))
    await story.step('alpha-2 loses its power: alpha-1 says so', async () => {
      await two.host.powerOff()
      await pathTo(fleet, one, two, true)
      const explained = await one.host.attempt(['holdfast', 'explain', two.name])
      expect(explained.code === 1, 'explain says by its exit code that it is not reached', explained.stdout)
    })
    await story.step('it is back, and said to be', async () => {
      await two.reboot()
      await two.start()
      await pathTo(fleet, one, two, false)
      await watch.stop()
    })
    await story.step('both answer', () => fleet.mesh())
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
