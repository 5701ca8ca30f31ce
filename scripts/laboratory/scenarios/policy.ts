// Policy by labels and ports, asked of real packets: default deny, allow, direction, state, and what policy never touches.

import { ask, expectAll, type Question, serve } from '../conversation.ts'
import type { Fleet } from '../fleet.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite, resource } from '../shapes.ts'
import { expect } from '../unmet.ts'

const worker = { nodeSelector: { matchLabels: { role: 'worker' } } }
const gateway = { nodeSelector: { matchLabels: { role: 'gateway' } } }

const webPolicy = resource('Policy', 'web', {
  subject: worker,
  ingress: [
    {
      from: [gateway],
      ports: [
        { protocol: 'TCP', port: 80, endPort: 81 },
        { protocol: 'UDP', port: 53 },
      ],
    },
  ],
})

const lockdown = resource('Policy', 'lockdown', {
  tier: 'Admin',
  action: 'Deny',
  subject: worker,
  ingress: [{ from: [gateway], ports: [{ protocol: 'TCP', port: 81 }] }],
})

const noLeaving = resource('Policy', 'no-leaving', {
  subject: gateway,
  policyTypes: ['Egress'],
  egress: [{ ports: [{ protocol: 'UDP' }] }],
})

async function change(fleet: Fleet, ...documents: readonly object[]): Promise<void> {
  if (documents.length > 0) await fleet.hub.apply(...documents)
  await fleet.acknowledged()
}

export const scenario: Scenario = {
  name: 'policy',
  promise: 'what no policy allows is dropped; what one allows passes, replies included; nothing else changes',
  shape: oneSite,
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    await story.step('the mesh is whole', () => fleet.mesh())
    const [to4 = '', to6 = ''] = await two.addresses()
    const [back4 = ''] = await one.addresses()
    await serve(two.host, ['tcp', 80], ['tcp', 81], ['tcp', 82], ['udp', 53], ['udp', 54])
    await serve(one.host, ['tcp', 80], ['udp', 53])
    const from = (protocol: 'tcp' | 'udp', port: number, passes: boolean, to = to4): Question => {
      return { from: one.host, protocol, to, port, passes }
    }
    const back = (protocol: 'tcp' | 'udp', port: number, passes: boolean): Question => {
      return { from: two.host, protocol, to: back4, port, passes }
    }
    const told = (count: number): string => `${count} conversations as expected`
    const check = (what: string, questions: readonly Question[]): Promise<unknown> =>
      story.step(what, () => expectAll(questions), told)

    await check('default deny: nothing passes, either way', [
      from('tcp', 80, false),
      from('udp', 53, false),
      from('tcp', 80, false, to6),
      back('tcp', 80, false),
      back('udp', 53, false),
    ])
    await story.step('gateways may reach workers at TCP 80–81 and UDP 53', () => change(fleet, webPolicy))
    await check('just that passes, over both families, replies included', [
      from('tcp', 80, true),
      from('tcp', 81, true),
      from('udp', 53, true),
      from('tcp', 80, true, to6),
      from('udp', 53, true, to6),
      from('tcp', 82, false),
      from('udp', 54, false),
      back('tcp', 80, false),
      back('udp', 53, false),
    ])
    await story.step('an administrator denies TCP 81', () => change(fleet, lockdown))
    await check('the denial wins over the allowance', [from('tcp', 80, true), from('tcp', 81, false)])
    await story.step('gateways may only send UDP', () => change(fleet, noLeaving))
    await check('TCP does not leave the gateway any more', [from('tcp', 80, false), from('udp', 53, true)])
    await story.step('both are deleted, and alpha-2 is no worker any more', async () => {
      for (const name of ['no-leaving', 'lockdown']) await fleet.hub.cli(['delete', 'policy', name])
      await change(fleet, resource('Node', 'alpha-2', { labels: { role: 'retired' } }))
    })
    await check('the policy does not speak of it any more', [from('tcp', 80, false), from('udp', 53, false)])
    await story.step('what is not the mesh’s is not touched', async () => {
      const seen = await ask(one.host, 'tcp', '192.168.1.12', 82)
      expect(seen === '192.168.1.11', 'TCP 82 over the LAN is answered', seen ?? 'silence')
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
