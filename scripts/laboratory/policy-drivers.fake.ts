// Every way of enforcing policy on the interface `hf0`, for tests that hold each of them to the same.

import { execFileSync } from 'node:child_process'
import { makeHoldfastBpf } from '../../build/holdfast-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import { createRunner } from '../../edge/drivers/command.ts'
import { createNftPolicy } from '../../edge/drivers/nft-policy.ts'
import { createPolicy } from '../../edge/drivers/policy.ts'
import type { PolicyDriver } from '../../edge/drivers/policy-driver.ts'
import { policyTableName } from '../../edge/plan/nft-policy.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'

/** Programs alone: where nft had to step in, there is nothing to test. */
function byPrograms(program: string): PolicyDriver {
  const log = memoryLog()
  const { load, read, remove } = createPolicy({ run: createRunner(log), log, interface: 'hf0', by: 'auto', program })
  return {
    name: 'bpf',
    async load(policy) {
      await load(policy)
      if (execFileSync('nft', ['list', 'tables']).toString().includes(policyTableName)) {
        throw new HoldfastError('unsupported', 'the kernel refused the programs of policy')
      }
    },
    read,
    remove,
  }
}

/** Without compilers there are no programs. */
export function policyDrivers(): readonly PolicyDriver[] {
  const nft = createNftPolicy(createRunner(memoryLog()))
  const made = makeHoldfastBpf(hostTarget())
  return typeof made === 'string' ? [nft] : [nft, byPrograms(made.path)]
}
