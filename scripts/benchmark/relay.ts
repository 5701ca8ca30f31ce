// The relay's packet paths, by the short cut at tc and at XDP and by nft alone, against plain forwarding by the same kernel; and
// the relay against others.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeHoldfastBpf } from '../../build/holdfast-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import type { Forward } from '../../edge/relay/forwarder.ts'
import { clearTable, elementsOf, knownOf, renderChange, renderTable } from '../../edge/relay/ruleset.ts'
import { renderShortcutChange, shortcutEndsOf } from '../../edge/relay/shortcut.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { buildProgram, buildUdpLoad } from '../laboratory/udp-load.ts'
import { type Bench, type Figures, median } from './bench.ts'
import { costs, type Flow, type Line, layLine, ratio, rounds, SINK_PORT, SOURCE_PORT } from './relay-line.ts'
import { besideCoturn, besideNebula } from './relay-others.ts'
import { besideXdp } from './relay-xdp.ts'

const RANGE = { first: 61_000, count: 1_024 }
const SIZES = [200, 1_400] as const
/** No real link: limits are in the path, as they are in use, but never reached. */
const UNREACHED_BYTES_PER_SECOND = 12.5e9

function forwardOf(): Forward {
  const end = (host: string, local: string) => ({
    source: parseEndpoint(`${host}:${SOURCE_PORT}`),
    local: parseAddress(local),
  })
  return {
    port: RANGE.first,
    family: 4,
    nodes: [parseNodeId('aaaaaaaaaaaaaaaa'), parseNodeId('bbbbbbbbbbbbbbbb')],
    ends: [end('10.98.1.2', '10.98.1.1'), end('10.98.2.2', '10.98.2.1')],
  }
}

type Way = NonNullable<Flow['way']>

/** The relay's table, which plain forwarding does without. */
function tableOf(line: Line, forward: Forward): Way {
  const limit = UNREACHED_BYTES_PER_SECOND
  const table = { range: RANGE, port: 3_478, sessionBytesPerSecond: limit, totalBytesPerSecond: limit }
  const text = renderTable(table) + renderChange([], [...elementsOf(forward, RANGE), ...knownOf([forward])])
  return {
    lay: () => void line.run(1, ['nft', '-f', '-'], text),
    remove: () => void line.run(1, ['nft', '-f', '-'], clearTable),
  }
}

/** In one shell: what is pinned is gone with the mount namespace that `ip netns exec` makes, and the filter stays. */
const HANG = [
  'pins=$("$0" relay load 2048 "$1" "$1") && "$0" relay change && tc qdisc add dev eth0 clsact',
  'tc filter add dev eth0 ingress bpf direct-action object-pinned "$pins/ether"',
].join(' && ')

function shortcutOf(line: Line, program: string, forward: Forward, table: Way): Way {
  const ends = renderShortcutChange(new Map(), shortcutEndsOf([forward]))
  return {
    lay() {
      table.lay()
      line.run(1, ['sh', '-c', HANG, program, String(UNREACHED_BYTES_PER_SECOND)], ends)
    },
    remove() {
      line.run(1, ['tc', 'qdisc', 'delete', 'dev', 'eth0', 'clsact'])
      table.remove()
    },
  }
}

interface Programs {
  readonly load: string
  readonly inject: string
}

/** Plain forwarding, the table alone, and the relay as it is; by packets that arrive, and by what one costs. */
function besidePlain(
  line: Line,
  { inject, load }: Programs,
  ways: readonly [Way, Way],
  say: (words: string) => void,
): Figures {
  const figures: Record<string, number> = {}
  for (const bytes of SIZES) {
    const flows = [
      { to: '10.98.2.2', port: SINK_PORT, bytes },
      ...ways.map((way) => ({ to: '10.98.1.1', port: RANGE.first, bytes, way })),
    ]
    const [plain, table, relayed] = rounds(line, load, flows, say)
    const carried = median(relayed ?? [])
    figures[`kernelPps${bytes}`] = median(plain ?? [])
    figures[`relayPps${bytes}`] = carried
    figures[`relayMbit${bytes}`] = (carried * bytes * 8) / 1e6
    figures[`ppsRatio${bytes}`] = ratio(relayed, plain)
    figures[`nftRatio${bytes}`] = ratio(table, plain)
    // Others on this machine can only add to a cost: the least is the truest.
    const [plainNs = 0, tableNs = 0, relayedNs = 0] = costs(line, inject, flows, say).map((ns) => Math.min(...ns))
    Object.assign(figures, {
      [`kernelNs${bytes}`]: plainNs,
      [`nftNs${bytes}`]: tableNs,
      [`relayNs${bytes}`]: relayedNs,
    })
    figures[`costRatio${bytes}`] = plainNs / relayedNs
  }
  return figures
}

async function measure({ say }: Parameters<Bench['measure']>[0]): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const line = layLine()
  try {
    const made = makeHoldfastBpf(hostTarget())
    if (typeof made === 'string') say(`by nft alone: ${made}`)
    const forward = forwardOf()
    const table = tableOf(line, forward)
    const relayed = typeof made === 'string' ? table : shortcutOf(line, made.path, forward, table)
    const load = buildUdpLoad(directory)
    const inject = buildProgram(join(import.meta.dirname, 'inject.c'), directory)
    const figures = besidePlain(line, { load, inject }, [table, relayed], say)
    const limit = UNREACHED_BYTES_PER_SECOND
    const atXdp =
      typeof made === 'string' ? {} : await besideXdp({ line, program: made.path, inject, forward, limit, say }, SIZES)
    table.lay()
    const beside = { line, load, directory, relayPort: RANGE.first, say }
    return { ...figures, ...atXdp, ...(await besideCoturn(beside, SIZES)), ...(await besideNebula(beside)) }
  } finally {
    line.remove()
    rmSync(directory, { recursive: true })
  }
}

export const relay: Bench = {
  about: 'packets through the relay against plain kernel forwarding in the same namespaces',
  runs: 1,
  budgets: {
    ppsRatio200: '≥ 0.9',
    ppsRatio1400: '≥ 0.9',
    costRatio200: '≥ 0.9',
    costRatio1400: '≥ 0.9',
    xdpRatio200: '≥ 1.3',
    xdpRatio1400: '≥ 1.3',
    othersRatio: '> 1',
    nebulaRatio: '> 1',
  },
  measure,
}
