// The counters of flows in the kernel, by whichever counts.

import { readFileSync } from 'node:fs'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { FlowReader } from '../flows/counters.ts'
import { flowTableName } from '../plan/nft-flows.ts'
import { ownPins } from './bpf-program.ts'
import type { Run } from './command.ts'
import { createNftFlows } from './nft-flows.ts'

export interface FlowReaderOptions {
  readonly run: Run
  readonly clock: Clock
  /** Of the mesh. */
  readonly interface: string
  readonly meshPort: number
}

/** Packets of a device, both ways, from `/proc/net/dev`; undefined where it has no such. */
export function packetsMoved(text: string, name: string): number | undefined {
  const line = text.split('\n').find((one) => one.trimStart().startsWith(`${name}:`))
  const figures =
    line
      ?.slice(line.indexOf(':') + 1)
      .trim()
      .split(/\s+/)
      .map(Number) ?? []
  const [received, sent] = [figures[1], figures[9]]
  return received === undefined || sent === undefined || !Number.isFinite(received + sent) ? undefined : received + sent
}

export function createFlowReader({ clock, interface: name, meshPort, run }: FlowReaderOptions): FlowReader {
  const nft = createNftFlows(run, name, meshPort, clock)
  return {
    moved: () => packetsMoved(readFileSync('/proc/self/net/dev', 'latin1'), name),
    async read() {
      // What they drop nft does not see, or takes for passed.
      if (ownPins('policy').length > 0) throw new HoldfastError('unsupported', 'programs of the kernel enforce policy')
      return await nft.read()
    },
  }
}

/** Leaves no trace, whoever put it there. */
export async function removeFlows(run: Run): Promise<void> {
  await run('nft', ['-f', '-'], { input: `add table inet ${flowTableName}\ndelete table inet ${flowTableName}\n` })
}
