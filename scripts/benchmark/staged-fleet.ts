// A fleet as one might find it on a Tuesday: shops and plants at many sites, most of them well, some away, some in trouble. Every
// word of it follows from its number, so that two looks show the same.

import { device, enrolRequest, resource, type World } from '../../cloud/hub-world.fake.ts'
import { systemClock as clock } from '../../shared/host/clock.ts'
import type { Version } from '../../shared/record/head.ts'
import { encodeStatus, type PeerReport, type StatusReport } from '../../shared/wire/report.ts'

const SITES = ['bremen', 'cadiz', 'dundee', 'espoo', 'faro', 'ghent', 'haifa', 'izmir', 'jena', 'kiel'] as const
const ROLES = ['gateway', 'till', 'camera', 'plc', 'worker'] as const
const SITE_NODES = 20
const PEERS_SHOWN = 8
const MINUTE = 60_000

export interface StagedNode {
  readonly index: number
  readonly name: string
  readonly site: string
}

function stagedNode(index: number): StagedNode {
  const block = Math.floor(index / SITE_NODES)
  const turn = Math.floor(block / SITES.length)
  const site = `${SITES[block % SITES.length] ?? 'bremen'}${turn === 0 ? '' : `-${turn + 1}`}`
  const role = ROLES[index % SITE_NODES === 0 ? 0 : 1 + (index % (ROLES.length - 1))] ?? 'worker'
  return { index, site, name: `${site}-${role}-${(index % SITE_NODES) + 1}` }
}

function labelsOf({ name, site }: StagedNode): Readonly<Record<string, string>> {
  const role = ROLES.find((one) => name.includes(`-${one}-`)) ?? 'worker'
  return { site, role, ring: name.length % 3 === 0 ? 'early' : 'broad' }
}

/** Away, and for how long; undefined while it is there. */
function isAway(index: number): boolean {
  return index % 23 === 7 || index % 61 === 12
}

function neighbours(index: number, count: number): readonly StagedNode[] {
  const first = Math.floor(index / SITE_NODES) * SITE_NODES
  const own = Array.from({ length: Math.min(SITE_NODES, count - first) }, (_, at) => first + at)
  const far = [0, 1, 2].map((at) => ((Math.floor(index / SITE_NODES) + at + 1) * SITE_NODES) % count)
  return [...new Set([...own.slice(0, PEERS_SHOWN), ...far])].filter((at) => at !== index).map(stagedNode)
}

function peerOf(from: StagedNode, to: StagedNode, turn: number): PeerReport {
  const seed = (from.index * 31 + to.index * 17) % 100
  const near = from.site === to.site
  const isRelayed = !near && seed < 22
  // One that nobody reaches is the one behind the dead uplink.
  const isLost = to.index % 61 === 12
  const path = isLost ? 'none' : near ? 'lan' : isRelayed ? 'relay' : seed < 26 ? 'tls' : 'direct'
  const base = near ? 600 : path === 'direct' ? 14_000 : 38_000
  return {
    name: to.name as never,
    path,
    ...(path === 'relay' || path === 'tls' ? { via: stagedNode(0).name as never } : {}),
    ...(isLost ? {} : { endpoint: `198.51.100.${(to.index % 250) + 1}:51820` as never }),
    ...(isLost ? {} : { rttUs: base + seed * 90 + ((turn * 37 + seed) % 40) * 60 }),
    handshakeAgeS: isLost ? 9_000 : 20 + ((seed + turn) % 100),
    rxBytes: 1_000_000 + seed * 700_000 + turn * 9_000 * (1 + (seed % 7)),
    txBytes: 400_000 + seed * 300_000 + turn * 4_000 * (1 + (seed % 5)),
  }
}

function healthOf(index: number, now: number): StatusReport['health'] {
  if (index % 97 === 3)
    return [{ code: 'disk-full', since: now - 50 * MINUTE, detail: 'state.db: no space left on device' }]
  if (index % 131 === 17)
    return [{ code: 'port-taken', since: now - 400 * MINUTE, detail: 'UDP 51820 is in use; listens on 41003' }]
  if (index % 53 === 11) return [{ code: 'clock-raised', since: now - 3_000 * MINUTE }]
  return []
}

function stagedStatus(node: StagedNode, count: number, turn: number, applied: Version, held: Version): Uint8Array {
  const now = clock.now()
  const peers = neighbours(node.index, count).map((one) => peerOf(node, one, turn))
  return encodeStatus({
    version: node.index % 5 === 0 ? '0.1.0+4dd7d0f6e' : '0.1.0+8852d2801',
    boot: 3,
    startedAt: now - 2_000 * MINUTE,
    addresses: [],
    revision: { held, applied, lastGood: applied },
    peers: [...peers],
    peersTotal: peers.length,
    peersReachable: peers.filter(({ path }) => path !== 'none').length,
    health: healthOf(node.index, now),
    host: { os: 'Debian GNU/Linux 13', kernel: '6.12.43', arch: 'arm64', wireguard: 'kernel' },
    at: now,
  })
}

export interface StagedFleet {
  readonly nodes: readonly StagedNode[]
  /** Everybody who is there reports once more. */
  report(turn: number): Promise<void>
  leave(index: number): Promise<void>
  comeBack(index: number): Promise<void>
}

export async function stageFleet(world: World, count: number): Promise<StagedFleet> {
  const nodes = Array.from({ length: count }, (_, index) => stagedNode(index))
  const { hub } = world
  hub.putAll(
    nodes.map((node) => resource('Node', node.name, { labels: labelsOf(node) })),
    { name: 'staging', role: 'admin' },
  )
  const token = world.token({ uses: count, autoApprove: true })
  // The last few never joined.
  for (const { index, name } of nodes.slice(0, -2)) await hub.enrol(enrolRequest(token, device(index), name))
  await hub.flushed()
  const idOf = (index: number) => device(index).nodeId
  const say = async (index: number, turn: number): Promise<void> => {
    const version = world.version()
    const applied = index % 41 === 5 ? { ...version, revision: Math.max(1, version.revision - 1) } : version
    await world.say(idOf(index), 'status', stagedStatus(stagedNode(index), count, turn, applied, version))
  }
  const present = nodes.slice(0, -3).map(({ index }) => index)
  for (const index of present) {
    await world.presence(idOf(index), true)
    await say(index, 0)
  }
  for (const index of present.filter(isAway)) await world.presence(idOf(index), false)
  return {
    nodes,
    async report(turn) {
      for (const index of present) if (!isAway(index)) await say(index, turn)
    },
    leave: (index) => world.presence(idOf(index), false),
    async comeBack(index) {
      await world.presence(idOf(index), true)
      await say(index, 1)
    },
  }
}
