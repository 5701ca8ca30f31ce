// The kernel's own programs of policy, to be asked about frames that nobody sends (BPF_PROG_TEST_RUN).

import { spawnSync } from 'node:child_process'
import { makeHoldfastBpf } from '../../build/holdfast-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import { renderBpfTable } from '../../edge/plan/bpf-policy.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import type { Table } from '../../shared/policy/table.ts'
import type { World } from '../../shared/policy/world.ts'
import { whyNoLab } from '../testing/privilege.ts'

/** The program that loads them, for a test file that runs inside; undefined outside. */
const INSIDE = 'HOLDFAST_LAB_INSIDE'
export const meshPort = 51_822

export type Way = 'in' | 'out'
export type Packet = readonly [Way, Buffer]

export interface PolicyRig {
  /** Where it is. */
  readonly program: string
  bpf(words: readonly string[], input?: string): string
  /** What the kernel says of each: the verdict, and the cookie of the rule, or the word for what is none. */
  ask(packets: readonly Packet[]): readonly string[]
  /** As node `a` would have it. */
  put(world: World): Table
}

export function tableText(world: World): { readonly table: Table; readonly text: string } {
  const { table } = compileTable(world, 'a')
  const [self] = world.endpoints.find(({ name }) => name === 'a')?.addresses ?? []
  const policy = {
    interface: 'hf0',
    meshPort,
    phases: [{ table }],
    forwards: [],
    ...(self === undefined ? {} : { self }),
  }
  return { table, text: renderBpfTable(policy, table) }
}

function rigOf(program: string): PolicyRig {
  const bpf: PolicyRig['bpf'] = (words, input = '') => {
    const options = { input, encoding: 'utf8', maxBuffer: 1 << 28 } as const
    const { status, stderr, stdout } = spawnSync(program, ['policy', ...words], options)
    if (status !== 0) throw new HoldfastError('failed', `${words.join(' ')}: ${status} ${stderr}`)
    return stdout
  }
  return {
    program,
    bpf,
    ask(packets) {
      const lines = packets.map(([way, frame]) => `${way} ${frame.toString('hex')}\n`)
      const said = bpf(['test', '1'], lines.join('')).trimEnd().split('\n')
      return said.map((line) => line.replace(/ \d+$/, ''))
    },
    put(world) {
      const { table, text } = tableText(world)
      bpf(['table'], text)
      return table
    },
  }
}

function outside(file: string): void {
  const made = makeHoldfastBpf(hostTarget())
  const why = whyNoLab() ?? (typeof made === 'string' ? made : undefined)
  if (why !== undefined || typeof made === 'string') return void process.stdout.write(`skip: ${why}\n`)
  const script = 'mount -t sysfs sysfs /sys && mount -t bpf bpf /sys/fs/bpf && ip link set lo up && exec "$@"'
  const args = ['--net', '--mount', 'sh', '-c', script, 'sh', process.execPath, file]
  const env = { ...process.env, [INSIDE]: made.path }
  process.exitCode = spawnSync('unshare', args, { stdio: 'inherit', env }).status ?? 1
}

/** Runs the test file `file` again in namespaces of its own, and `tests` there; says why not where that can't be. */
export async function withPolicy(file: string, tests: (rig: PolicyRig) => void): Promise<void> {
  const program = process.env[INSIDE]
  if (program === undefined) return outside(file)
  const rig = rigOf(program)
  try {
    rig.bpf(['start', '65536'])
  } catch (error) {
    return void process.stdout.write(`skip: ${error instanceof Error ? error.message : ''}\n`)
  }
  tests(rig)
}
