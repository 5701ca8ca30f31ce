// Five devices behind two home routers find each other, over IPv4 and IPv6, whoever sits next to whom.

import type { NodeCommand } from '../../../cloud/commands/asked.ts'
import type { Fleet } from '../fleet.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { twoSites } from '../shapes.ts'
import { expect } from '../unmet.ts'

/** As its unit runs it, with the rights of that and no others. */
async function commanded({ hub, nodes }: Fleet, name: string): Promise<string> {
  const peer = nodes.at(-1)?.name ?? ''
  const give = async (...words: readonly string[]) =>
    JSON.parse(await hub.cli(['node', ...words, '--json'])) as NodeCommand
  const alive = await give('ping', name)
  const pinged = await give('ping', name, peer, '--count', '2')
  const { summary } = pinged.result as { summary: { received: number } }
  expect(summary.received > 0, `${peer} answers ${name}`, JSON.stringify(pinged.result))
  const { result } = await give('netcheck', name)
  expect(JSON.stringify(result).includes('"checks":['), 'netcheck has findings', JSON.stringify(result))
  const path = '/var/lib/bundle.tar.gz'
  const { file } = await give('bundle', name, '--file', path)
  const names = (await hub.host.exec(['tar', '-tzf', path])).split('\n')
  for (const part of ['status.json', 'doctor.json', 'wireguard/handshakes.txt']) {
    expect(names.includes(`holdfast/${part}`), `the bundle has ${part}`, names.join(' '))
  }
  const device = nodes.find((node) => node.name === name)
  const keyOf = async (): Promise<string> => (await device?.host.exec(['wg', 'show', 'hf0', 'public-key'])) ?? ''
  const before = await keyOf()
  await give('rotate-key', name)
  const after = await keyOf()
  expect(after !== before, 'WireGuard has another key', after)
  const audit = await hub.cli(['audit', '--limit', '20'])
  expect(audit.includes('rotate-key'), 'the audit log has it', audit)
  return `${alive.tookMs ?? 0} ms there and back; a bundle of ${Math.ceil((file?.bytes ?? 0) / 1_024)} KiB`
}

export const scenario: Scenario = {
  name: 'mesh',
  promise: 'every device reaches every other through the tunnel, and says so truthfully',
  shape: { ...twoSites, asUnit: true },
  async play(fleet, story) {
    await story.step(
      'ping between all pairs, both families',
      () => fleet.mesh(),
      ({ value }) => `${value} answers`,
    )
    await story.step('every device acknowledged the newest revision', () => fleet.acknowledged())
    const [first] = fleet.nodes
    if (first === undefined) return
    await story.step('paths are told as they are: LAN next door, direct across the internet', async () => {
      await fleet.sees(
        first,
        'two devices of its own site by the LAN, two of the other directly',
        ({ peers }) =>
          peers.length === 4 && peers.every(({ name, path }) => path === (name.startsWith('alpha') ? 'lan' : 'direct')),
      )
    })
    await story.step(
      'from the hub, a device pings, checks its network, gives a bundle and changes its key',
      () => commanded(fleet, first.name),
      (told) => told,
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
