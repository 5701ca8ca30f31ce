// `holdfast policy audit`: what policies in Audit mode would do if they were enforced, asked of the flows on record. By replay
// and not by what the kernel counts: so a policy that came today is held against last week, and flows have names.

import { type Replay, replay } from '../../shared/flows/replay.ts'
import { type Command, writeJson } from './context.ts'
import { readGround } from './policy-ground.ts'
import { tell } from './policy-whatif.ts'
import { sinceMsOf } from './record.ts'

const SINCE = '7d'

/** Where policies have changed since is no matter of Audit. */
function ofAudit(found: Replay): Replay {
  return { ...found, changes: found.changes.filter(({ already }) => !already) }
}

export const policyAuditCommand: Command = async (cli) => {
  const ground = await readGround(cli, sinceMsOf(cli, SINCE))
  const { dealings, records, rules, self } = ground
  const audited = records.policies.filter(({ spec }) => spec.mode === 'Audit').map(({ name }) => name)
  if (audited.length === 0) {
    if (cli.json) writeJson(cli, { policies: [], changes: [] })
    else cli.note('no policy is in Audit mode')
    return 0
  }
  const enforced = records.policies.map(({ name, spec }) => ({ name, spec: { ...spec, mode: 'Enforce' as const } }))
  const found = replay({ dealings: dealings.all, self, today: rules(records.policies), would: rules(enforced) })
  if (!cli.json) cli.note(`in Audit mode: ${audited.join(', ')}`)
  tell(cli, ground, ofAudit(found), { policies: audited })
  return 0
}
