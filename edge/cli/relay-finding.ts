// What the doctor says of a relay on this host: the ports that firewalls must let in, and who would drop what it forwards.

import * as v from 'valibot'
import type { RunCommand } from '../host/command.ts'
import { relayMark, relayTable } from '../relay/ruleset.ts'
import type { Finding } from './doctor.ts'

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

/** Base chains of others that drop what no rule lets pass. */
async function droppers(run: RunCommand): Promise<readonly string[]> {
  const parsed = v.safeParse(chains, JSON.parse(await run(['nft', '-j', 'list', 'chains'])))
  if (!parsed.success) return []
  return parsed.output.nftables.flatMap(({ chain }) =>
    chain?.hook === 'forward' && chain.policy === 'drop' ? [`${chain.family} ${chain.table} ${chain.name}`] : [],
  )
}

/** Undefined where no relay stands in the kernel, or that can't be seen. */
export async function relayFinding(run: RunCommand): Promise<Finding | undefined> {
  const check = 'relay'
  let rules: string
  let inTheWay: readonly string[]
  try {
    rules = await run(['nft', 'list', 'chain', 'inet', relayTable, 'arrive'])
    inTheWay = await droppers(run)
  } catch {
    return undefined
  }
  const ports = [...rules.matchAll(/udp dport (?:\{ ([^}]*) \}|(\S+))/g)].map((match) => match[1] ?? match[2])
  const found = `UDP ${ports.join(', ')}: firewalls must let them in`
  const [first] = inTheWay
  if (first === undefined) return { check, verdict: 'ok', found, used: 'to relay between other nodes' }
  const remedy = `Let relayed packets pass: nft insert rule ${first} meta mark and 0xffff0000 == ${relayMark} accept`
  return { check, verdict: 'note', found: `${found}; the policy of ${first} is drop`, used: 'what passes', remedy }
}
