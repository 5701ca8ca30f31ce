// The two ways of enforcing policy as one. Where the kernel takes programs they do it, else nft; there is no moment without
// either, and flows go on through the change.

import type { Log } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { closed, type Enforcement } from '../plan/enforcement.ts'
import { policyTableName } from '../plan/nft-policy.ts'
import { type BpfPolicy, createBpfPolicy, removeBpfPolicy, whyNotByBpf } from './bpf-policy.ts'
import { findBpfProgram, ownPins, pinNames } from './bpf-program.ts'
import { takeOff } from './clsact.ts'
import type { Run } from './command.ts'
import { createNftPolicy } from './nft-policy.ts'
import type { PolicyDriver } from './policy-driver.ts'

export interface Policy extends Omit<PolicyDriver, 'name'> {
  /** Who enforces, as far as this process knows; undefined before the first policy. */
  by(): PolicyDriver['name'] | undefined
  /** Another one where somebody took programs away, which the kernel does not tell anybody. */
  mark(): string
  /** The interface was made: before anything passes it. */
  linked(): Promise<void>
}

export interface PolicyOptions {
  readonly run: Run
  readonly log: Log
  /** Of the mesh. */
  readonly interface: string
  readonly by: 'auto' | 'nft'
  /** Number of the network namespace where `run` runs; this process's own where absent. */
  readonly netns?: string | undefined
  /** Where `holdfast-bpf` is; undefined where this build has none. */
  readonly program?: string | undefined
}

async function nftStands(run: Run): Promise<boolean> {
  try {
    await run('nft', ['-t', 'list', 'table', 'inet', policyTableName])
    return true
  } catch (error) {
    if (isHoldfastError(error, 'failed')) return false
    throw error
  }
}

/** Before an agent has said what may pass, nothing does. What an agent has said, also one that ended, stays. */
export async function closePolicy(
  run: Run,
  frame: Pick<Enforcement, 'interface' | 'meshPort'>,
  netns?: string,
): Promise<'closed' | 'stands'> {
  if (ownPins('policy', netns).length > 0 || (await nftStands(run))) return 'stands'
  await createNftPolicy(run).load(closed(frame))
  return 'closed'
}

export function createPolicy(options: PolicyOptions): Policy {
  const { by, interface: name, log, netns, run, program = findBpfProgram() } = options
  const nft = createNftPolicy(run)
  const bpf = program === undefined ? undefined : createBpfPolicy(run, name, program, netns)
  /** What was loaded last, and by whom. */
  let last: { readonly policy: Enforcement; readonly driver: PolicyDriver } | undefined
  /** A kernel that refuses once is not asked again before the next start. */
  let refused = by === 'nft'
  /** The programs that hang there are those of this version. */
  let hung = false
  /** Programs are made ready while the interface is: a device that boots waits for neither after the other. */
  let ready: Promise<void> | undefined

  /** Throws where the kernel refused them. */
  const readied = async (): Promise<void> => {
    const before = ready
    ready = undefined
    await before
  }

  /** Flows that programs know are known to nft before it decides about them. */
  const byNft = async (policy: Enforcement): Promise<void> => {
    await readied().catch(() => undefined)
    const held = ownPins('policy', netns).length > 0
    if (held && (await bpf?.place()) === 'enforces') await bpf?.handOver()
    await nft.load(policy)
    last = { policy, driver: nft }
    // Under traffic, and programs come back to it.
    if (held) await removeBpfPolicy(run, name, takeOff, netns)
    hung = false
  }

  const attach = async (programs: BpfPolicy, policy: Enforcement, guarded: boolean): Promise<void> => {
    await programs.attach(guarded)
    last = { policy, driver: programs }
    // Also one of a process that ended in between.
    await nft.remove()
    hung = true
    log.info('policy is enforced by programs in the kernel', { interface: name })
  }

  const byBpf = async (programs: BpfPolicy, policy: Enforcement): Promise<void> => {
    await readied()
    const place = await programs.place()
    if (place === 'no-interface') {
      ready = programs.load(policy)
      // Whether they could be loaded matters when there is an interface.
      ready.catch(() => undefined)
      // What comes first when it is there meets nft.
      await nft.load(policy)
      last = { policy, driver: nft }
      return
    }
    await programs.load(policy)
    if (place === 'beside' || !hung) {
      await attach(programs, policy, place === 'beside' && (await nftStands(run)))
    } else {
      last = { policy, driver: programs }
    }
  }

  /** Programs failed. That somebody took the interface away meanwhile says nothing of the kernel: they wait for it to be back. */
  const orByNft = async (programs: BpfPolicy, policy: Enforcement, error: unknown): Promise<void> => {
    if ((await programs.place().catch(() => undefined)) === 'no-interface') return await byBpf(programs, policy)
    refused = true
    log.info('policy is enforced by nft, not by programs in the kernel', { reason: describeError(error) })
    await byNft(policy)
  }

  return {
    by: () => last?.driver.name,
    mark: () => pinNames('policy', netns).join(),
    read: async () => await last?.driver.read(),
    async load(policy) {
      if (bpf !== undefined && !refused && whyNotByBpf(policy) === undefined) {
        try {
          return await byBpf(bpf, policy)
        } catch (error) {
          return await orByNft(bpf, policy, error)
        }
      }
      await byNft(policy)
    },
    async linked() {
      if (bpf === undefined || refused || last === undefined || whyNotByBpf(last.policy) !== undefined) return
      const { driver, policy } = last
      try {
        await readied()
        await attach(bpf, policy, driver === nft)
      } catch (error) {
        await orByNft(bpf, policy, error)
      }
    },
    async remove() {
      last = undefined
      await readied().catch(() => undefined)
      await removeBpfPolicy(run, name, undefined, netns)
      await nft.remove()
    },
  }
}
