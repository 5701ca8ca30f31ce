// Policy by the kernel's own programs at the mesh interface (bpf/policy.bpf.c). They are pinned and outlive this process; the
// next one adopts them with the flows that they know.

import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import { policyFlowsMax } from '../../shared/limits.ts'
import { renderBpfTable } from '../plan/bpf-policy.ts'
import type { Enforcement } from '../plan/enforcement.ts'
import { findBpfProgram, ownPins } from './bpf-program.ts'
import { hangingAt, hangUp, type Place, takeDown } from './clsact.ts'
import type { Run } from './command.ts'
import type { PolicyDriver } from './policy-driver.ts'

/** Next to the relay's. */
const PREFERENCE = 0x4867
const SIDES = [
  { direction: 'ingress', program: 'in' },
  { direction: 'egress', program: 'out' },
] as const

/** `beside`: it does not enforce, or not at the interface as it is now. */
export type BpfPlace = 'enforces' | 'beside' | 'no-interface'

export interface BpfPolicy extends PolicyDriver {
  place(): Promise<BpfPlace>
  /** At the interface, which has to be there. `guarded`: nft enforces meanwhile; flows that it knows go on. */
  attach(guarded: boolean): Promise<void>
  /** Lets nft know the flows that go on. */
  handOver(): Promise<void>
}

/** Undefined where nothing keeps this policy from being enforced by programs; else what does. */
export function whyNotByBpf({ phases }: Enforcement): string | undefined {
  return phases.length === 1 ? undefined : 'an override ends by the time of day, which nft knows'
}

export function createBpfPolicy(run: Run, name: string, program: string, netns?: string): BpfPolicy {
  const ask = async (words: readonly string[], input?: string): Promise<string> =>
    (await run(program, ['policy', ...words], input === undefined ? {} : { input })).trim()
  const placeOf = (direction: Place['direction']): Place => ({ device: name, direction, preference: PREFERENCE })
  /** The last that was loaded, with its generation in the kernel. */
  let last: { readonly policy: Enforcement; readonly generation: string } | undefined
  let pins: string | undefined

  const hangsByClsact = async (): Promise<boolean> => {
    const found = await Promise.all(SIDES.map(({ direction }) => hangingAt(run, name, direction)))
    return found.every((names, side) => names.includes(`hf_policy_${SIDES[side]?.program}`))
  }

  const standing = async (): Promise<{ readonly generation?: string; readonly place: BpfPlace }> => {
    const [generation = '0', mode, how] = (await ask(['standing', name])).split(' ')
    if (how === 'absent') return { place: 'no-interface' }
    const hangs = generation !== '0' && mode === 'enforces' && (how === 'tcx' || (await hangsByClsact()))
    return hangs ? { generation, place: 'enforces' } : { place: 'beside' }
  }

  return {
    name: 'bpf',
    place: async () => (await standing()).place,
    async read() {
      return last !== undefined && (await standing()).generation === last.generation ? last.policy : undefined
    },
    async load(policy) {
      const [phase] = policy.phases
      const why = whyNotByBpf(policy)
      if (phase === undefined || why !== undefined) throw new HoldfastError('unsupported', why ?? 'no table')
      if (pins === undefined || !existsSync(pins)) pins = await ask(['start', String(policyFlowsMax)])
      last = undefined
      const [generation = ''] = (await ask(['table'], renderBpfTable(policy, phase.table))).split(' ')
      last = { policy, generation }
    },
    async attach(guarded) {
      if (guarded) await ask(['look-on'])
      if ((await ask(['attach', name])) === 'clsact') {
        for (const { direction, program: one } of SIDES) {
          await hangUp(run, { ...placeOf(direction), pin: join(pins ?? '', one) })
        }
      }
      await ask(['enforce'])
    },
    handOver: async () => void (await ask(['hand-over'])),
    async remove() {
      last = undefined
      pins = undefined
      await removeBpfPolicy(run, name, takeDown, netns)
    },
  }
}

/** Takes the programs out of the kernel, whoever put them there; `take` says whether the hook goes. `netns`: where `run` runs. */
export async function removeBpfPolicy(run: Run, name: string, take = takeDown, netns?: string): Promise<void> {
  const ours = ownPins('policy', netns)
  if (ours.length === 0) return
  for (const { direction } of SIDES) {
    if ((await hangingAt(run, name, direction)).some((one) => one.startsWith('hf_policy_'))) {
      await take(run, { device: name, direction, preference: PREFERENCE })
    }
  }
  for (const path of ours) rmSync(path, { recursive: true, force: true })
}

async function whyNot(run: Run, program: string): Promise<string | undefined> {
  try {
    if ((await run(program, ['policy', 'probe'])).trim() === 'clsact') await run('tc', ['-V'])
    return undefined
  } catch (error) {
    if (error instanceof HoldfastError) return error.message
    throw error
  }
}

/** Whether programs decide at the interface now, and why they can't on this host; changes nothing. */
export async function lookAtBpfPolicy(
  run: Run,
  name: string,
  program = findBpfProgram(),
): Promise<{ readonly stands: boolean; readonly whyNot?: string }> {
  if (program === undefined) return { stands: false, whyNot: 'this build has no holdfast-bpf' }
  const why = await whyNot(run, program)
  if (why !== undefined) return { stands: false, whyNot: why }
  return { stands: (await createBpfPolicy(run, name, program).place()) === 'enforces' }
}
