// The counters of flows in the kernel, by whichever counts.

import type { Clock } from '../../shared/effects.ts'
import type { FlowReader, FlowSnapshot } from '../flows/counters.ts'
import { flowTableName } from '../plan/nft-flows.ts'
import { outsideTableName } from '../plan/nft-outside.ts'
import { createBpfFlows } from './bpf-flows.ts'
import { findBpfProgram } from './bpf-program.ts'
import type { Run } from './command.ts'
import { hostNamespace, type Namespace } from './namespace.ts'
import { createNftFlows } from './nft-flows.ts'
import { createNftOutside } from './nft-outside.ts'

export interface FlowReaderOptions {
  readonly run: Run
  readonly clock: Clock
  /** Of the mesh. */
  readonly interface: string
  /** Who enforces policy, and so sees what becomes of each packet. */
  readonly by: () => 'bpf' | 'nft' | undefined
  /** Where `holdfast-bpf` is; undefined where this build has none. */
  readonly program?: string | undefined
  /** A file below /proc/net of where the interface is. */
  readonly procNet?: Namespace['procNet']
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
  const { procNet = hostNamespace(run).procNet } = options
  const nft = createNftFlows(run, name, clock)
  const bpf = program === undefined ? undefined : createBpfFlows(run, program)
  const outside = createNftOutside(run, name)
  /** One of an earlier process may. */
  let nftCounts = true
  let looked = false

  const count = async (): Promise<FlowSnapshot> => {
    if (options.by() !== 'bpf' || bpf === undefined) {
      nftCounts = true
      return await nft.read()
    }
    const snapshot = await bpf.read()
    // Only now: until then flows were counted by it.
    if (nftCounts) await removeTables(run, flowTableName)
    nftCounts = false
    return snapshot
  }

  return {
    moved: () => packetsMoved(procNet('dev'), name),
    async read({ led } = { led: false }) {
      const snapshot = await count()
      // Behind the counts, so that of all that is counted it is known by now.
      if (led) return { ...snapshot, led: await outside.read() }
      // An earlier process may have left it; what its end left uncounted is put on record before that is looked after.
      if (looked) await outside.remove()
      looked = true
      return snapshot
    },
  }
}

async function removeTables(run: Run, ...names: readonly string[]): Promise<void> {
  const input = names.map((name) => `add table inet ${name}\ndelete table inet ${name}\n`).join('')
  await run('nft', ['-f', '-'], { input })
}

/** Leaves no trace, whoever put it there. */
export function removeFlows(run: Run): Promise<void> {
  return removeTables(run, flowTableName, outsideTableName)
}
