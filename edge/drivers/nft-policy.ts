// Policy by nft, in a table of its own.

import type { Enforcement } from '../plan/enforcement.ts'
import { policyTableName, renderPolicy } from '../plan/nft-policy.ts'
import type { Run } from './command.ts'
import { createNftTable } from './nft.ts'
import type { PolicyDriver } from './policy-driver.ts'

export function createNftPolicy(run: Run): PolicyDriver {
  const table = createNftTable(policyTableName, run, false)
  /** The last that was loaded, with the text it became. */
  let last: { readonly policy: Enforcement; readonly text: string } | undefined
  return {
    name: 'nft',
    async read() {
      const text = await table.read()
      return text !== undefined && text === last?.text ? last.policy : undefined
    },
    async load(policy) {
      const text = renderPolicy(policy)
      // Only verdicts stand in the kernel: another reason for the same one needs no other table.
      const stands = (await table.read()) === text
      last = { policy, text }
      if (!stands) await table.set(text)
    },
    remove: () => table.remove(),
  }
}
