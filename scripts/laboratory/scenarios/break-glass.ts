// A site that is cut off helps itself: an override opens a port on one device, ends by itself, and the hub has the last word.

import { join } from 'node:path'
import type { FleetOverride } from '../../../cloud/hub.ts'
import { createLocalClient } from '../../../edge/local/client.ts'
import type { OverrideView } from '../../../shared/override/report.ts'
import { ask, expectAll, serve } from '../conversation.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite, resource } from '../shapes.ts'
import { expect } from '../unmet.ts'
import { holds, type Seen, type Waited, waitFor } from '../wait.ts'

/** Long enough to lose power and boot meanwhile, on a busy machine. */
const EXPIRES = '25s'
const PATIENCE_MS = 40_000

function openPort(port: number): object {
  return resource('Policy', `open-${port}`, { subject: { nodeSelector: {} }, ingress: [{ ports: [{ port }] }] })
}

const BRIEF = '8s'

/** What a person at the site types; the file comes by standard input. */
async function override(node: LabNode, port: number, expires: string, reason: string): Promise<OverrideView> {
  const words = ['policy', 'override', '-', '--expires', expires, '--reason', reason, '--json']
  const said = await node.host.exec(['holdfast', ...words], { input: JSON.stringify(openPort(port)) })
  return (JSON.parse(said) as { override: OverrideView }).override
}

const stateOf = async (node: LabNode, id: string): Promise<string> =>
  (await node.status()).overrides.find((one) => one.id === id)?.state ?? 'unknown'

async function reaches(node: LabNode, id: string, state: OverrideView['state']): Promise<Waited<true>> {
  const probe = async (): Promise<Seen<true>> => {
    const seen = await stateOf(node, id)
    return holds(seen === state, `it is ${seen}`)
  }
  return waitFor(`${node.name} says that ${id} is ${state}`, probe, { timeoutMs: PATIENCE_MS })
}

async function toldAtHub({ hub }: Fleet): Promise<readonly FleetOverride[]> {
  return (JSON.parse(await hub.cli(['overrides', 'list', '--json'])) as { items: FleetOverride[] }).items
}

export const scenario: Scenario = {
  name: 'break-glass',
  promise:
    'a site without its hub overrides the policy of one device for a while; the hub is told, and accepts or drops it',
  // A revision that takes the place of an override is watched first, as any other.
  shape: { ...oneSite, flags: { 'alpha-2': { agent: ['--confirm-s', '2'] } } },
  async play(fleet, story) {
    const { hub } = fleet
    const [other, node] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    await story.step('the mesh is whole', () => fleet.mesh())
    const [to, back] = [await node.address(), await other.address()]
    const ports = [
      ['tcp', 8080],
      ['tcp', 8081],
    ] as const
    await Promise.all([serve(node.host, ...ports), serve(other.host, ...ports)])
    const from = { from: other.host, protocol: 'tcp', to } as const
    const elsewhere = { from: node.host, protocol: 'tcp', to: back, port: 8080, passes: false } as const
    const closed = (port: number) =>
      waitFor(
        `TCP ${port} is dropped`,
        async () => holds((await ask(other.host, 'tcp', to, port)) === undefined, 'an answer'),
        { timeoutMs: PATIENCE_MS },
      )
    await story.step('nothing is let in by intent; the hub is destroyed', async () => {
      await expectAll([{ ...from, port: 8080, passes: false }])
      await hub.kill()
    })
    const brief = await story.step(
      `somebody at the site opens TCP 8080 on alpha-2 for ${EXPIRES}`,
      () => override(node, 8080, EXPIRES, 'the press stands still'),
      ({ id }) => id,
    )
    await story.step('it is open there, nowhere else, and status begins with it', async () => {
      await expectAll([{ ...from, port: 8080, passes: true }, { ...from, port: 8081, passes: false }, elsewhere])
      const status = await node.cli(['status'])
      expect(/^OVERRIDE .*the press stands still/.test(status), 'status begins with the override', status.slice(0, 80))
    })
    await story.step(
      'alpha-2 loses its power and boots: the override holds on, with the time that is left',
      async () => {
        await node.reboot()
        await Promise.all([node.start(), serve(node.host, ...ports)])
        const seen = await stateOf(node, brief.id)
        expect(seen === 'active', 'the override is active after the boot', seen)
      },
    )
    const orphan = await story.step(`one on alpha-1 for ${BRIEF}, and its agent is killed with -9`, async () => {
      const view = await override(other, 8080, BRIEF, 'nobody will end this one')
      await expectAll([{ ...elsewhere, passes: true }])
      await other.end('SIGKILL')
      return view
    })
    await story.step('that on alpha-2 ends by itself', () => reaches(node, brief.id, 'expired'))
    await story.step('and the port is closed', () => closed(8080))
    await story.step('so is that of alpha-1: its kernel knew until when; its agent says so', async () => {
      await waitFor(
        'it is dropped',
        async () => holds((await ask(node.host, 'tcp', back, 8080)) === undefined, 'open'),
        {
          timeoutMs: PATIENCE_MS,
        },
      )
      await other.start()
      await reaches(other, orphan.id, 'expired')
    })
    const [kept, unwanted] = await story.step('two more, for an hour: TCP 8080 and TCP 8081', async () => [
      await override(node, 8080, '1h', 'the press needs it for good'),
      await override(node, 8081, '1h', 'just curious'),
    ])
    if (kept === undefined || unwanted === undefined) return
    await story.step('both are open', () =>
      expectAll([{ ...from, port: 8080, passes: true }, { ...from, port: 8081, passes: true }, elsewhere]),
    )
    await story.step('the hub is back, and is told of all four', async () => {
      await hub.start()
      for (const one of [node, other]) await createLocalClient(join(one.state(), 'agent.sock')).wake()
      const probe = async (): Promise<Seen<true>> => {
        const told = (await toldAtHub(fleet)).map(({ node: on, reason, state }) => `${on} ${state} ${reason}`)
        return holds(told.length === 4, told.join('; '))
      }
      await waitFor('the hub lists four overrides', probe, { timeoutMs: 60_000, everyMs: 250 })
    })
    await story.step('the operator accepts the one: it is intent now, for alpha-2 alone', async () => {
      await hub.cli(['overrides', 'accept', kept.id])
      await reaches(node, kept.id, 'accepted')
      await expectAll([{ ...from, port: 8080, passes: true }, elsewhere])
    })
    await story.step('and drops the other: its port is closed', async () => {
      await hub.cli(['overrides', 'drop', unwanted.id])
      await reaches(node, unwanted.id, 'dropped')
      await closed(8081)
      await expectAll([{ ...from, port: 8080, passes: true }])
    })
    await story.step('who did what stands in the audit log', async () => {
      const log = await hub.cli(['audit'])
      for (const word of ['override-expired', 'accept', 'drop', 'the press stands still']) {
        expect(log.includes(word), `the audit log has "${word}"`, 'it has not')
      }
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
