// Routes: of two routers to a subnet the one in use stops to forward, under a ping every 10 ms to a machine behind it, and goes
// on answering itself. Until the machine answers again, by this agent, and by what people write instead: WireGuard, and a script
// that pings the machine once a second and moves the subnet to the other peer at the second miss.

import { type Fleet, startFleet } from '../laboratory/fleet.ts'
import type { LabNode } from '../laboratory/node.ts'
import { watchPing } from '../laboratory/ping.ts'
import { gatewayNodes, homeSite, network, pingPolicy, resource } from '../laboratory/shapes.ts'
import type { Topology } from '../laboratory/topology.ts'
import { holds, waitFor } from '../laboratory/wait.ts'
import { type Bench, type Figures, median, quantile } from './bench.ts'

const CUTS = 10
const SCRIPTED_CUTS = 5
const PING_MS = 10
const LAN = '192.168.1.0/24'
/** Of the LAN, with no agent. */
const MACHINE = '192.168.1.1'
const ROUTERS = ['alpha-1', 'alpha-2'] as const
const CLOSE = 'table ip yard { chain closed { type filter hook forward priority -300; policy drop; }; }'
const OPEN = 'delete table ip yard'
/** $1: the machine. $2: key of the other peer. $3: what it is to have. */
const SCRIPT =
  'n=0; while [ $n -lt 2 ]; do if ping -n -q -c 1 -W 1 "$1" >/dev/null; then n=0; sleep 1; else n=$((n + 1)); fi; done; wg set hf0 peer "$2" allowed-ips "$3"'

const topology: Topology = {
  internet: ['hub'],
  sites: [homeSite('alpha', ROUTERS), homeSite('beta', ['beta-1'])],
}

const shape = {
  topology,
  intent: [
    network,
    pingPolicy,
    ...gatewayNodes(topology, { 'alpha-1': [LAN] }),
    resource('Node', 'alpha-2', { labels: { site: 'alpha' }, advertise: [LAN] }),
    resource('Route', 'office', { destination: LAN, via: { matchLabels: { site: 'alpha' } }, probe: MACHINE }),
  ],
}

/** Both proven; who is used. */
function settled(client: LabNode): Promise<string> {
  return waitFor(
    'both routers are proven',
    async () => {
      const { routers: [group] = [] } = await client.status()
      const used = group?.routers.find(({ state }) => state === 'used')?.name
      const isSo = group?.routers.every(({ proof }) => proof === 'proven') === true
      return isSo && used !== undefined ? { done: used } : { notYet: JSON.stringify(group) }
    },
    { timeoutMs: 60_000, everyMs: 100 },
  ).then(({ value }) => value)
}

/** Milliseconds without an answer. */
async function cutOnce(fleet: Fleet, used: string): Promise<number> {
  const [client, router] = [fleet.node('beta-1'), fleet.node(used).host]
  const watch = watchPing(client.host, MACHINE, PING_MS)
  await answers(client, MACHINE)
  await router.exec(['nft', CLOSE])
  await answers(client, MACHINE)
  const { gapMs } = await watch.stop()
  await router.exec(['nft', OPEN])
  return gapMs
}

function answers({ host }: LabNode, address: string): Promise<unknown> {
  return waitFor(
    `${address} answers`,
    async () => {
      const { code } = await host.attempt(['ping', '-n', '-q', '-c', '3', '-i', '0.1', '-W', '1', address])
      return holds(code === 0, 'silence')
    },
    { timeoutMs: 30_000, everyMs: 50 },
  )
}

/** Keys of the peers and what each has, by the address of the router. */
async function peersOf({ host }: LabNode): Promise<readonly (readonly [key: string, allowed: readonly string[]])[]> {
  const text = await host.exec(['wg', 'show', 'hf0', 'allowed-ips'])
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [key = '', ...allowed] = line.split(/\s+/)
      return [key, allowed] as const
    })
}

/** The kernel goes on without the agent, with the script beside it. */
async function scripted(fleet: Fleet): Promise<readonly number[]> {
  const client = fleet.node('beta-1')
  await client.end('SIGTERM')
  const gaps: number[] = []
  for (let round = 0; round < SCRIPTED_CUTS; round++) {
    const peers = await peersOf(client)
    const [other = '', allowed = []] = peers.find(([, blocks]) => !blocks.includes(LAN)) ?? []
    const [, had = []] = peers.find(([, blocks]) => blocks.includes(LAN)) ?? []
    const addresses = await Promise.all(ROUTERS.map((name) => fleet.node(name).address()))
    const used = ROUTERS[addresses.findIndex((address) => had.includes(`${address}/32`))] ?? ROUTERS[0]
    const script = client.host.attempt(['sh', '-c', SCRIPT, 'sh', MACHINE, other, [...allowed, LAN].join(',')])
    gaps.push(await cutOnce(fleet, used))
    await script
  }
  return gaps
}

async function measure(say: (words: string) => void): Promise<Figures> {
  const fleet = await startFleet(shape)
  try {
    await fleet.mesh()
    const client = fleet.node('beta-1')
    const steady = watchPing(client.host, MACHINE, 500)
    const gaps: number[] = []
    for (let round = 0; round < CUTS; round++) {
      gaps.push(await cutOnce(fleet, await settled(client)))
      say(`${gaps.at(-1)} ms without an answer`)
    }
    const others = await scripted(fleet)
    say(`by the script: ${others.join(', ')} ms`)
    await steady.stop()
    return {
      gapMsMedian: median(gaps),
      gapMsP95: quantile(gaps, 0.95),
      gapMsMax: Math.max(...gaps),
      scriptGapMsMedian: median(others),
      scriptGapMsMax: Math.max(...others),
      timesShorter: median(others) / median(gaps),
    }
  } finally {
    await fleet.remove()
  }
}

export const routes: Bench = {
  about:
    'the router in use stops to forward and answers all the same, until another carries it; 10 cuts, and 5 by a script',
  runs: 1,
  budgets: { gapMsMedian: '≤ 1500', gapMsMax: '≤ 2000' },
  measure: ({ say }) => measure(say),
}
