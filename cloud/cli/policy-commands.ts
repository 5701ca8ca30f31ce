// policy explain and policy test: what intent comes to, as the hub has it or as it would be.

import { switchFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseConfig } from '../../shared/intent/yaml.ts'
import { assertionFile, checkAssertions, withPods } from '../../shared/policy/assertions.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { explainFlow, explainLines, outcomeLines } from '../../shared/policy/reason-text.ts'
import { parseService } from '../../shared/policy/target.ts'
import { argument, type Command, printJson } from './context.ts'
import { readSource } from './intent-commands.ts'
import { gatherWorld } from './policy-world.ts'

export const policyExplain: Command = async (context) => {
  const [from, to] = [argument(context, 0), argument(context, 1)]
  const service = parseService(argument(context, 2))
  const world = await gatherWorld(context)
  const explained = explainFlow(world, { from, to, service }, (subject, direction, other, { port, protocol }) =>
    judge({ subject, direction, other, protocol, port }, world),
  )
  if (switchFlag(context.flags, 'json')) printJson(context, { items: explained })
  else context.out(`${explainLines(explained).join('\n')}\n`)
}

export const policyTest: Command = async (context) => {
  const file = parseConfig(assertionFile, await readSource(context, argument(context, 0)))
  const outcome = checkAssertions(file.assertions, withPods(await gatherWorld(context), file))
  const { checked, failed } = outcome
  if (switchFlag(context.flags, 'json')) printJson(context, outcome)
  else if (failed.length > 0) context.out(`${outcomeLines(outcome).join('\n')}\n`)
  else context.out(`all as asserted: ${checked} pairs of addresses\n`)
  if (failed.length === 0) return
  throw new HoldfastError('failed', `${failed.length} of ${checked} pairs of addresses are not as asserted`, {
    remedy: 'Change the policies, or what is asserted.',
  })
}
