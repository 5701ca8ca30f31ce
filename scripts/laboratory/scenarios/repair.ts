// Somebody deletes parts of the mesh from the kernel: the agent puts them back within five seconds.

import { difference, meshState } from '../kernel.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite } from '../shapes.ts'
import { holds, waitFor } from '../wait.ts'

const REPAIR_MS_MAX = 5_000

/** What people and other programs do to a host; each a shell line, because that is what they type. */
const harms: readonly (readonly [string, string])[] = [
  ['the peer', 'wg set hf0 peer "$(wg show hf0 peers | head -n 1)" remove'],
  ['the mesh addresses', 'ip address flush dev hf0'],
  ['the mesh route', 'ip route delete 100.80.0.0/16 dev hf0'],
  ['the policy', 'rm -r /sys/fs/bpf/hf_policy_* || nft delete table inet holdfast_policy'],
  ['the nft table', 'nft delete table inet holdfast'],
  ['all nft rules', 'nft flush ruleset'],
  ['the link’s state', 'ip link set hf0 down'],
  ['the MTU', 'ip link set hf0 mtu 1300'],
  ['the whole interface', 'ip link delete hf0'],
]

export const scenario: Scenario = {
  name: 'repair',
  promise: 'what somebody deletes from the kernel is back within five seconds',
  shape: oneSite,
  alone: true,
  async play(fleet, story) {
    const [node, peer] = fleet.nodes
    if (node === undefined || peer === undefined) return
    const { host } = node
    await story.step('the mesh is whole', () => fleet.mesh())
    await fleet.acknowledged()
    const whole = await meshState(host)
    for (const [what, harm] of harms) {
      await story.step(`somebody takes away ${what}`, async () => {
        await host.exec(['sh', '-c', harm])
        return waitFor(
          'the kernel as before',
          async () => {
            const now = await meshState(host)
            return holds(now === whole, difference(whole, now))
          },
          { timeoutMs: REPAIR_MS_MAX },
        )
      })
    }
    await story.step('and the mesh carries traffic', () => fleet.mesh())
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
