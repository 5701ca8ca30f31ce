// Bytes of a device on a metered link that has nothing to do: 50 peers, two of them relays, behind a symmetric NAT. What the
// kernel counts at its uplink within ten minutes, extrapolated to a day.
//
// The device, the relays and the hub are whole; the other 48 are enrolled and connected as any node, and say what idle
// agents say: presence and a fact each.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fleet, startFleet } from '../laboratory/fleet.ts'
import type { Host } from '../laboratory/host.ts'
import { installMeter, type MeterKind, type Reading, readMeter } from '../laboratory/meter.ts'
import { createLabNode } from '../laboratory/node.ts'
import { network, pingPolicy, relayNode } from '../laboratory/shapes.ts'
import type { Topology } from '../laboratory/topology.ts'
import { waitFor } from '../laboratory/wait.ts'
import type { Bench, Figures } from './bench.ts'

const MINUTES = 10
const PEERS = 50
const RELAYS = ['relay-1', 'relay-2'] as const
const CROWD = PEERS - RELAYS.length
const MINUTES_PER_DAY = 1_440
/** Facts and first looks at all peers are over. */
const SETTLE_MS = 90_000

const topology: Topology = {
  internet: ['hub', ...RELAYS, 'crowd'],
  sites: [{ name: 'lte', nat: 'symmetric', hosts: ['lte-1'] }],
  bystanders: ['crowd', 'lte-1'],
}
const shape = { topology, intent: [network, pingPolicy, ...RELAYS.map((name) => relayNode(topology, name))] }

const STATES = '/var/lib/crowd'
/** Two at a time, each with its own keys. */
const JOIN = `mkdir -p "${STATES}"; seq "$1" | xargs -P 2 -I{} holdfast join "$2" --token "$3" --name peer-{} --state "${STATES}/{}"`

async function gather(fleet: Fleet): Promise<void> {
  const crowd = fleet.net.host('crowd')
  const { token } = await fleet.hub.token('--uses', String(CROWD))
  await crowd.exec(['sh', '-c', JOIN, 'sh', String(CROWD), fleet.hub.url, token], { timeoutMs: 180_000 })
  const relays = await Promise.all(RELAYS.map(async (name) => (await fleet.node(name).status()).nodeId))
  const program = join(import.meta.dirname, 'idle-crowd.ts')
  const running = crowd.spawn([process.execPath, program, STATES, ...relays], 'crowd')
  await running.said(/the crowd is there/)
}

/** What the interface counted, both ways, with what Ethernet adds. */
async function uplinkBytes(host: Host): Promise<number> {
  const [link] = JSON.parse(await host.exec(['ip', '-s', '-j', 'link', 'show', 'eth0'])) as {
    stats64: { rx: { bytes: number }; tx: { bytes: number } }
  }[]
  return (link?.stats64.rx.bytes ?? 0) + (link?.stats64.tx.bytes ?? 0)
}

async function startDevice(fleet: Fleet): Promise<Host> {
  const host = fleet.net.host('lte-1')
  const node = createLabNode(host)
  const { token } = await fleet.hub.token()
  await node.join(fleet.hub.url, token, {})
  host.spawn(['holdfast', 'agent', '--metered', 'true'], 'agent')
  await waitFor(
    'lte-1 knows its peers',
    async () => {
      const { peers } = await node.status()
      return peers.length >= PEERS ? { done: true } : { notYet: `${peers.length} peers` }
    },
    { timeoutMs: 60_000 },
  )
  return host
}

function perDay(before: Reading, after: Reading, minutes: number, kind: MeterKind): number {
  return ((after[kind].bytes - before[kind].bytes) / minutes) * MINUTES_PER_DAY
}

async function measure(say: (words: string) => void, minutes: number): Promise<Figures> {
  const fleet = await startFleet(shape)
  try {
    await gather(fleet)
    say(`${CROWD} peers joined`)
    const host = await startDevice(fleet)
    await sleep(SETTLE_MS)
    await installMeter(host)
    const [bytes, reading] = [await uplinkBytes(host), await readMeter(host)]
    await sleep(minutes * 60_000)
    const [bytesAfter, readingAfter] = [await uplinkBytes(host), await readMeter(host)]
    const day = (kind: MeterKind): number => perDay(reading, readingAfter, minutes, kind)
    return {
      bytesPerDay: ((bytesAfter - bytes) / minutes) * MINUTES_PER_DAY,
      hubBytesPerDay: day('tcp'),
      relayBytesPerDay: day('relay'),
      wireguardBytesPerDay: day('handshake') + day('data'),
      pathBytesPerDay: day('path'),
      routerBytesPerDay: day('router'),
      stunBytesPerDay: day('stun'),
      beaconBytesPerDay: day('beacon'),
      otherBytesPerDay: day('other'),
    }
  } finally {
    await fleet.remove()
  }
}

/** For development; what is told is always of a day. */
function minutesOf(text: string | undefined): number {
  const minutes = Number(text ?? MINUTES)
  return Number.isFinite(minutes) && minutes > 0 ? minutes : MINUTES
}

export const idleBytes: Bench = {
  about: 'bytes a day of an idle device on a metered link with 50 peers and 2 relays, from ten minutes of its uplink',
  runs: 1,
  budgets: { bytesPerDay: '≤ 2,000,000' },
  measure: ({ say }) => measure(say, minutesOf(process.env['HOLDFAST_BENCH_MINUTES'])),
}
