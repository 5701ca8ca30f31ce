// The counters of flows in the kernel, by whichever counts.

import { readFileSync } from 'node:fs'
import type { Clock } from '../../shared/effects.ts'
import type { FlowReader } from '../flows/counters.ts'
import { flowTableName } from '../plan/nft-flows.ts'
import { createBpfFlows } from './bpf-flows.ts'
import { findBpfProgram } from './bpf-program.ts'
import type { Run } from './command.ts'
import { createNftFlows } from './nft-flows.ts'

export interface FlowReaderOptions {
  readonly run: Run
  readonly clock: Clock
  /** Of the mesh. */
  readonly interface: string
  /** Who enforces policy, and so sees what becomes of each packet. */
  readonly by: () => 'bpf' | 'nft' | undefined
  /** Where `holdfast-bpf` is; undefined where this build has none. */
  readonly program?: string | undefined
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

export function createFlowReader(options: FlowReaderOptions): FlowReader {
  const { clock, interface: name, program = findBpfProgram(), run } = options
  const nft = createNftFlows(run, name, clock)
  const bpf = program === undefined ? undefined : createBpfFlows(run, program)
  /** One of an earlier process may. */
  let nftCounts = true

  return {
    moved: () => packetsMoved(readFileSync('/proc/self/net/dev', 'latin1'), name),
    async read() {
      if (options.by() !== 'bpf' || bpf === undefined) {
        nftCounts = true
        return await nft.read()
      }
      const snapshot = await bpf.read()
      // Only now: until then flows were counted by it.
      if (nftCounts) await removeFlows(run)
      nftCounts = false
      return snapshot
    },
  }
}

/** Leaves no trace, whoever put it there. */
export async function removeFlows(run: Run): Promise<void> {
  await run('nft', ['-f', '-'], { input: `add table inet ${flowTableName}\ndelete table inet ${flowTableName}\n` })
}
