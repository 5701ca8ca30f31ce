// Promise 2, to its end: the hub is destroyed with its disk and there is no backup of it. From the keys that were kept elsewhere
// and a file of any one device a new one takes its place, and nobody visits a device for that.

import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { resource, twoSites } from '../shapes.ts'
import { expect } from '../unmet.ts'

const DATA = '/var/lib/holdfast-hub'
const KEYS = '/var/lib/hub.keys'
const INTENT = '/var/lib/intent.hf'
/** Back-off after the outage of some seconds, and the way through the new hub's door. */
const BACK_TIMEOUT_MS = 90_000

const webPolicy = resource('Policy', 'web', {
  subject: { nodeSelector: { matchLabels: { role: 'worker' } } },
  ingress: [{ ports: [{ protocol: 'TCP', port: 80 }] }],
})

function modes(fleet: Fleet, mode: 'online' | 'autonomous') {
  return Promise.all(
    fleet.nodes.map((node) => fleet.sees(node, `is ${mode}`, (status) => status.mode === mode, BACK_TIMEOUT_MS)),
  )
}

async function addresses(nodes: readonly LabNode[]): Promise<string> {
  return (await Promise.all(nodes.map(async (node) => `${node.name} ${await node.address()}`))).join(', ')
}

export const scenario: Scenario = {
  name: 'hub-lost',
  promise:
    'a hub that is lost with its disk comes back from its keys and any one device; the devices return by themselves',
  shape: twoSites,
  async play(fleet, story) {
    const { hub } = fleet
    const [first, last] = [fleet.node('alpha-2'), fleet.node('beta-2')]
    await story.step('the mesh is whole', () => fleet.mesh())
    const before = await addresses(fleet.nodes)
    const watch = watchPing(first.host, await last.address())
    const keys = await story.step('the hub’s keys are written into a file and taken away', async () => {
      await hub.cli(['keys', 'export', KEYS])
      return await hub.host.exec(['cat', KEYS])
    })
    await story.step('the hub is killed, and its disk is destroyed', async () => {
      await hub.kill()
      await hub.host.exec(['rm', '-rf', DATA, KEYS])
    })
    await story.step('every device works on by itself', () => modes(fleet, 'autonomous'))
    const intent = await story.step('one of them writes what it holds into a file', async () => {
      await last.cli(['export', INTENT])
      return await last.host.exec(['base64', '-w0', INTENT])
    })
    await story.step(
      'from the keys and that file a hub is restored on an empty disk, at the same address',
      async () => {
        await hub.host.exec(['sh', '-c', `umask 077; cat > ${KEYS}`], { input: keys })
        await hub.host.exec(['sh', '-c', `base64 -d > ${INTENT}`], { input: intent })
        const told = await hub.cli(['restore', '--from-node', INTENT, '--keys', KEYS])
        await hub.start()
        return told.split('\n')[0] ?? ''
      },
      (told) => told,
    )
    await story.step('every device is online again', () => modes(fleet, 'online'))
    await story.step('a policy reaches all of them', async () => {
      await hub.apply(webPolicy)
      await fleet.acknowledged()
    })
    await story.step(
      'it is a new epoch, and everybody is who he was',
      async () => {
        const { nodes, version } = await hub.rollOut()
        expect(version.epoch === 2, 'epoch 2', String(version.epoch))
        expect(nodes === fleet.nodes.length, `${fleet.nodes.length} devices`, String(nodes))
        const after = await addresses(fleet.nodes)
        expect(after === before, 'the same addresses', after)
        return `${nodes} devices at revision ${version.epoch}.${version.revision}`
      },
      (told) => told,
    )
    await story.step(
      'not one ping was lost in all that',
      async () => {
        const { gapMs, lost, sent } = await watch.stop()
        expect(lost === 0, 'no ping lost', `${lost} of ${sent} lost, ${gapMs} ms in a row`)
        return sent
      },
      (sent) => `${sent} sent`,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
