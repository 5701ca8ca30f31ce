// Policy by programs in the kernel and by nft in turn, under traffic: what is allowed goes on, and what is not never passes.

import { ask, expectAll, type Question, serve } from '../conversation.ts'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { patient } from '../patience.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite, resource } from '../shapes.ts'
import { startTransfer } from '../transfer.ts'
import { expect } from '../unmet.ts'
import { holds, type Seen, waitFor } from '../wait.ts'

const PATIENCE_MS = 30_000
/** A retransmission of TCP that comes at once, on a busy machine. */
const PAUSE_MS_MAX = patient(1_500)
/** What people and other programs do to a host; each a shell line, because that is what they type. */
const HARMS = [
  ['the pins', 'rm -r /sys/fs/bpf/hf_policy_*'],
  ['the whole interface', 'ip link delete hf0'],
] as const

const web = resource('Policy', 'web', {
  subject: { nodeSelector: { matchLabels: { role: 'worker' } } },
  ingress: [{ from: [{ nodeSelector: { matchLabels: { role: 'gateway' } } }], ports: [{ port: 80 }, { port: 8_000 }] }],
})

/** One that a worker serves at an open port and at a closed one, and one that nobody serves. */
const services = [
  resource('Service', 'press', {
    ports: [
      { port: 8_888, targetPort: 80 },
      { port: 8_889, targetPort: 81 },
    ],
    backends: { matchLabels: { role: 'worker' } },
  }),
  resource('Service', 'nobody', { ports: [{ port: 8_888 }], backends: { matchLabels: { role: 'nobody' } } }),
]

async function servicesJudged(fleet: Fleet): Promise<void> {
  const [other, node] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
  const { services: known = [] } = await other.status()
  const at = (name: string): readonly string[] => known.find((one) => one.name === name)?.addresses ?? []
  const from = await Promise.all([other, node].map(async (one) => ({ one, own: await one.addresses() })))
  for (const [family, address] of at('press').entries()) {
    for (const { one, own } of from) {
      const seen = await ask(one.host, 'tcp', address, 8_888)
      expect(seen === own[family], `${address} sees ${own[family]}`, seen ?? 'silence')
    }
  }
  // Not its port, and none of any service.
  const closed = at('press').flatMap((address) => [8_889, 80].map((port) => ({ address, port })))
  await Promise.all(
    closed.map(async ({ address, port }) => {
      const seen = await ask(other.host, 'tcp', address, port)
      expect(seen === undefined, `nobody answers at ${address} port ${port}`, seen ?? '')
    }),
  )
  for (const address of at('nobody')) {
    const { code, stderr } = await other.host.attempt(['bash', '-c', `exec 3<>/dev/tcp/${address}/8888`])
    expect(code !== 0 && stderr.includes('Connection refused'), 'a refusal at once', stderr)
  }
  expect(at('press').length === 2 && at('nobody').length === 2, 'both have two addresses', JSON.stringify(known))
}

/** By which of the two policy stands in the kernel of that host. */
async function driverOf({ host }: LabNode): Promise<string> {
  const { stdout: tables } = await host.attempt(['nft', 'list', 'tables'])
  const { stdout: pins } = await host.attempt(['ls', '/sys/fs/bpf'])
  return [tables.includes('holdfast_policy') ? 'nft' : '', pins.includes('hf_policy_') ? 'bpf' : ''].join('')
}

function isBy(node: LabNode, driver: 'bpf' | 'nft'): Promise<unknown> {
  const probe = async (): Promise<Seen<true>> => {
    const seen = await driverOf(node)
    return holds(seen === driver, `by ${seen === '' ? 'nothing' : seen}`)
  }
  return waitFor(`policy of ${node.name} is enforced by ${driver} alone`, probe, { timeoutMs: PATIENCE_MS })
}

/** What a person at the site types; the file comes by standard input. */
async function override(node: LabNode, port: number): Promise<void> {
  const policy = resource('Policy', `open-${port}`, { subject: { nodeSelector: {} }, ingress: [{ ports: [{ port }] }] })
  const words = ['policy', 'override', '-', '--expires', '1h', '--reason', 'the press stands still']
  await node.host.exec(['holdfast', ...words], { input: JSON.stringify(policy) })
}

export const scenario: Scenario = {
  name: 'policy-driver',
  promise:
    'programs in the kernel and nft enforce policy alike, and hand over to each other without losing what is allowed',
  shape: { ...oneSite, flags: { 'alpha-1': { agent: ['--policy-driver', 'nft'] }, 'alpha-2': { asUnit: true } } },
  async play(fleet, story) {
    const [other, node] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    await story.step('the mesh is whole; workers let gateways in at TCP 80 and 8000', async () => {
      await fleet.mesh()
      await fleet.hub.apply(web)
      await fleet.acknowledged()
    })
    const [to = '', to6 = ''] = await node.addresses()
    const back = await other.address()
    await serve(node.host, ['tcp', 80], ['tcp', 81], ['tcp', 8080])
    await serve(other.host, ['tcp', 80])
    const asks = (port: number, passes: boolean, address = to): Question => {
      return { from: other.host, protocol: 'tcp', to: address, port, passes }
    }
    const fromThere: Question = { from: node.host, protocol: 'tcp', to: back, port: 80, passes: false }
    const asEver = [asks(80, true), asks(80, true, to6), asks(81, false), asks(81, false, to6), fromThere]
    await story.step(
      'alpha-2 enforces it by programs, with the rights of its unit, alpha-1 by nft; both hold to it',
      async () => {
        await isBy(node, 'bpf')
        await isBy(other, 'nft')
        await expectAll([...asEver, asks(8080, false)])
      },
    )
    await story.step(
      'services are judged as their backends are, by both; and whoever asks is seen as itself',
      async () => {
        await fleet.hub.apply(...services)
        await fleet.acknowledged()
        await servicesJudged(fleet)
      },
    )
    const transfer = await startTransfer(other.host, node.host, { address: to, port: 8_000, bytesPerSecond: 500_000 })
    const [into, outOf] = [watchPing(other.host, to, 20), watchPing(node.host, back, 20)]
    for (const turn of ['once', 'and again']) {
      await story.step(`an override, which nft ends by the clock: nft takes over, ${turn}`, async () => {
        await override(node, 8_080)
        await isBy(node, 'nft')
        await expectAll([...asEver, asks(8080, true)])
      })
      await story.step('it is restored: programs take over', async () => {
        await node.cli(['policy', 'restore'])
        await isBy(node, 'bpf')
        await expectAll([...asEver, asks(8080, false)])
      })
    }
    await story.step('the agent is killed and started again: it adopts the programs, and flows go on', async () => {
      await node.end('SIGKILL')
      await expectAll(asEver)
      await node.start()
      await fleet.acknowledged()
      await isBy(node, 'bpf')
      await expectAll(asEver)
    })
    await story.step(
      'meanwhile nothing was lost that is allowed',
      async () => {
        const reports = [await into.stop(), await outOf.stop()]
        const worst = transfer.worstPauseMs()
        await transfer.finish()
        for (const { lost, sent } of reports) expect(lost === 0, 'no ping lost', `${lost} of ${sent}`)
        expect(worst <= PAUSE_MS_MAX, `a pause of at most ${PAUSE_MS_MAX} ms`, `${worst} ms`)
        return reports.reduce((sum, { sent }) => sum + sent, 0)
      },
      (sent) => `none of ${sent} pings lost`,
    )
    for (const [what, harm] of HARMS) {
      await story.step(`somebody takes away ${what}: it is back`, async () => {
        await node.host.exec(['sh', '-c', harm])
        await isBy(node, 'bpf')
        await fleet.mesh()
        await expectAll(asEver)
      })
    }
    await story.step('it leaves, and nothing of them remains', async () => {
      await node.cli(['leave'])
      const seen = await driverOf(node)
      expect(seen === '', 'neither programs nor table', seen)
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
