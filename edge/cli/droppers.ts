// Chains of other firewalls on this host that drop what no rule of theirs lets pass.

import * as v from 'valibot'
import type { RunCommand } from '../host/command.ts'

const chains = v.object({
  nftables: v.array(
    v.object({
      chain: v.optional(
        v.object({
          family: v.string(),
          table: v.string(),
          name: v.string(),
          hook: v.optional(v.string()),
          policy: v.optional(v.string()),
        }),
      ),
    }),
  ),
})

export interface Dropper {
  readonly family: string
  readonly table: string
  readonly name: string
}

/** Base chains at `hook` whose policy is drop. Throws where nft can't be asked. */
export async function droppers(run: RunCommand, hook: 'input' | 'forward'): Promise<readonly Dropper[]> {
  const parsed = v.safeParse(chains, JSON.parse(await run(['nft', '-j', 'list', 'chains'])))
  if (!parsed.success) return []
  return parsed.output.nftables.flatMap(({ chain }) => (chain?.hook === hook && chain.policy === 'drop' ? [chain] : []))
}
