// From power-on nothing passes the mesh until the policy of the cache is loaded, whoever brings the interface up; and what an
// agent has loaded stays when it ends.

import type { Host } from '../host.ts'
import type { LabNode } from '../node.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite } from '../shapes.ts'
import { expect } from '../unmet.ts'

/** Takes whatever is sent, and nobody answers. */
const foreign = (own: string, peer: string): readonly string[] => [
  'link add hf0 type veth peer name far',
  // Nothing of its own to say: each packet that is counted is one of ours.
  'link set hf0 addrgenmode none',
  'link set far addrgenmode none',
  'link set far up',
  'link set hf0 up',
  `address add ${own}/16 dev hf0 nodad`,
  `neighbour add ${peer} lladdr 02:00:00:00:00:01 dev hf0`,
]

async function sent(host: Host): Promise<number> {
  const [link] = JSON.parse(await host.exec(['ip', '-s', '-j', 'link', 'show', 'hf0'])) as {
    stats64: { tx: { packets: number } }
  }[]
  return link?.stats64.tx.packets ?? 0
}

/** How many packets of one ping, and of one word of the agent, get to the interface. */
async function passed(host: Host, to: string): Promise<{ readonly ping: number; readonly word: number }> {
  const before = await sent(host)
  await host.attempt(['ping', '-c', '1', '-W', '1', to])
  const pinged = await sent(host)
  await host.attempt(['bash', '-c', 'echo x >/dev/udp/$0/51822', to])
  return { ping: pinged - before, word: (await sent(host)) - pinged }
}

async function close(node: LabNode): Promise<string> {
  const { outcome } = JSON.parse(await node.cli(['policy', 'close', '--json'])) as { outcome: string }
  return outcome
}

export const scenario: Scenario = {
  name: 'boot-closed',
  promise: 'from power-on the mesh is closed until the policy of the cache is loaded',
  shape: oneSite,
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    await story.step('the mesh is whole', () => fleet.mesh())
    const [to, own] = [await one.address(), await two.address()]
    await story.step('alpha-2 loses power and boots; something else brings its interface up', async () => {
      await two.reboot()
      await two.host.ip(foreign(own, to))
      const open = await passed(two.host, to)
      expect(open.ping === 1, 'a ping gets to the interface while nothing is closed', JSON.stringify(open))
    })
    await story.step('the boot unit closes the mesh; only words of the agent pass', async () => {
      const outcome = await close(two)
      expect(outcome === 'closed', 'closed', outcome)
      const now = await passed(two.host, to)
      expect(now.ping === 0 && now.word === 1, 'no ping, and one word', JSON.stringify(now))
      const again = await close(two)
      expect(again === 'stands', 'left as it is', again)
    })
    await story.step('the agent starts: the mesh is whole again', async () => {
      await two.host.ip(['link delete hf0'])
      await two.start()
      await fleet.mesh()
    })
    await story.step('the agent is killed: what it has loaded stays, and traffic goes on', async () => {
      await two.end('SIGKILL')
      const outcome = await close(two)
      expect(outcome === 'stands', 'left as it is', outcome)
      await one.host.exec(['ping', '-c', '1', '-W', '5', own])
      await two.start()
    })
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
