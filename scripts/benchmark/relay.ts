// The relay's packet paths, by the short cut and by nft alone, against plain forwarding by the same kernel; and the relay
// against others.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeRelayBpf } from '../../build/relay-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import type { Forward } from '../../edge/relay/forwarder.ts'
import { elementsOf, knownOf, renderChange, renderTable } from '../../edge/relay/ruleset.ts'
import { renderShortcutChange, shortcutEndsOf } from '../../edge/relay/shortcut.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { buildUdpLoad } from '../laboratory/udp-load.ts'
import { type Bench, type Figures, median } from './bench.ts'
import { type Flow, type Line, layLine, ratio, rounds, SINK_PORT, SOURCE_PORT } from './relay-line.ts'
import { besideCoturn, besideNebula } from './relay-others.ts'

const RANGE = { first: 61_000, count: 1_024 }
const SIZES = [200, 1_400] as const
/** No real link: limits are in the path, as they are in use, but never reached. */
const UNREACHED_BYTES_PER_SECOND = 12.5e9

function layRelay(line: Line): Forward {
  const end = (host: string, local: string) => ({
    source: parseEndpoint(`${host}:${SOURCE_PORT}`),
    local: parseAddress(local),
  })
  const forward: Forward = {
    port: RANGE.first,
    family: 4,
    nodes: [parseNodeId('aaaaaaaaaaaaaaaa'), parseNodeId('bbbbbbbbbbbbbbbb')],
    ends: [end('10.98.1.2', '10.98.1.1'), end('10.98.2.2', '10.98.2.1')],
  }
  const limit = UNREACHED_BYTES_PER_SECOND
  const table = { range: RANGE, port: 3_478, sessionBytesPerSecond: limit, totalBytesPerSecond: limit }
  const elements = [...elementsOf(forward, RANGE), ...knownOf([forward])]
  line.run(1, ['nft', '-f', '-'], renderTable(table) + renderChange([], elements))
  return forward
}

/** In one shell: what is pinned is gone with the mount namespace that `ip netns exec` makes, and the filter stays. */
const HANG = [
  'pins=$("$0" load 2048 "$1" "$1") && "$0" change && tc qdisc add dev eth0 clsact',
  'tc filter add dev eth0 ingress bpf direct-action object-pinned "$pins/ether"',
].join(' && ')

function shortcutOf(line: Line, program: string, forward: Forward): NonNullable<Flow['way']> {
  const ends = renderShortcutChange(new Map(), shortcutEndsOf([forward]))
  return {
    lay: () => void line.run(1, ['sh', '-c', HANG, program, String(UNREACHED_BYTES_PER_SECOND)], ends),
    remove: () => void line.run(1, ['tc', 'qdisc', 'delete', 'dev', 'eth0', 'clsact']),
  }
}

async function measure({ say }: Parameters<Bench['measure']>[0]): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const line = layLine()
  try {
    const load = buildUdpLoad(directory)
    const made = makeRelayBpf(hostTarget())
    if (typeof made === 'string') say(`by nft alone: ${made}`)
    const forward = layRelay(line)
    const way = typeof made === 'string' ? {} : { way: shortcutOf(line, made.path, forward) }
    const figures: Record<string, number> = {}
    for (const bytes of SIZES) {
      const [plain, table, relayed] = rounds(
        line,
        load,
        [
          { to: '10.98.2.2', port: SINK_PORT, bytes },
          { to: '10.98.1.1', port: RANGE.first, bytes },
          { to: '10.98.1.1', port: RANGE.first, bytes, ...way },
        ],
        say,
      )
      const carried = median(relayed ?? [])
      figures[`kernelPps${bytes}`] = median(plain ?? [])
      figures[`relayPps${bytes}`] = carried
      figures[`relayMbit${bytes}`] = (carried * bytes * 8) / 1e6
      figures[`ppsRatio${bytes}`] = ratio(relayed, plain)
      figures[`nftRatio${bytes}`] = ratio(table, plain)
    }
    const beside = { line, load, directory, relayPort: RANGE.first, say }
    Object.assign(figures, await besideCoturn(beside, SIZES), await besideNebula(beside))
    return figures
  } finally {
    line.remove()
    rmSync(directory, { recursive: true })
  }
}

export const relay: Bench = {
  about: 'packets through the relay against plain kernel forwarding in the same namespaces',
  runs: 1,
  budgets: { ppsRatio200: '≥ 0.9', ppsRatio1400: '≥ 0.9', othersRatio: '> 1', nebulaRatio: '> 1' },
  measure,
}
