// The relay's packet path against plain forwarding by the same kernel, and the relay against others.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Forward } from '../../edge/relay/forwarder.ts'
import { elementsOf, knownOf, renderChange, renderTable } from '../../edge/relay/ruleset.ts'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { buildUdpLoad } from '../laboratory/udp-load.ts'
import { type Bench, type Figures, median } from './bench.ts'
import { type Line, layLine, ratio, rounds, SINK_PORT, SOURCE_PORT } from './relay-line.ts'
import { besideCoturn, besideNebula } from './relay-others.ts'

const RANGE = { first: 61_000, count: 1_024 }
const SIZES = [200, 1_400] as const
/** No real link: limits are in the path, as they are in use, but never reached. */
const UNREACHED_BYTES_PER_SECOND = 12.5e9

function layRelay(line: Line): void {
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
}

async function measure({ say }: Parameters<Bench['measure']>[0]): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const line = layLine()
  try {
    const load = buildUdpLoad(directory)
    layRelay(line)
    const figures: Record<string, number> = {}
    for (const bytes of SIZES) {
      const [plain, relayed] = rounds(
        line,
        load,
        [
          { to: '10.98.2.2', port: SINK_PORT, bytes },
          { to: '10.98.1.1', port: RANGE.first, bytes },
        ],
        say,
      )
      const carried = median(relayed ?? [])
      figures[`kernelPps${bytes}`] = median(plain ?? [])
      figures[`relayPps${bytes}`] = carried
      figures[`relayMbit${bytes}`] = (carried * bytes * 8) / 1e6
      figures[`ppsRatio${bytes}`] = ratio(relayed, plain)
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
