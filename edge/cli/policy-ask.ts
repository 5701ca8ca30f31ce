// `holdfast policy explain` and `policy test`: what the policies that this node holds come to. Needs neither hub nor network.

import { parseConfig } from '../../shared/intent/yaml.ts'
import { assertionFile, checkAssertions, withPods } from '../../shared/policy/assertions.ts'
import type { Judge } from '../../shared/policy/flow.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { withOverlays } from '../../shared/policy/overlay.ts'
import { explainFlow, explainLines, outcomeLines } from '../../shared/policy/reason-text.ts'
import { parseService } from '../../shared/policy/target.ts'
import { type World, worldOf } from '../../shared/policy/world.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { type Known, overridesHere, readKnown } from './known.ts'
import { readText } from './policy.ts'

/** Each node judges by intent; this one also by its overrides that hold. */
async function judgeHere(cli: Cli, { factOf, records }: Known, world: World): Promise<Judge> {
  const overlays = (await overridesHere(cli)).filter(({ state }) => state === 'active')
  const own = overlays.length === 0 ? world : worldOf(withOverlays(records, overlays), factOf)
  const self = loadIdentity(cli.files)?.name
  return (subject, direction, other, { port, protocol }) =>
    judge({ subject, direction, other, protocol, port }, subject.node === self ? own : world)
}

export const policyExplainCommand: Command = async (cli) => {
  const [from = '', to = '', port = ''] = cli.args
  const service = parseService(port)
  const known = await readKnown(cli)
  const world = worldOf(known.records, known.factOf)
  const explained = explainFlow(world, { from, to, service }, await judgeHere(cli, known, world))
  if (cli.json) writeJson(cli, { items: explained })
  else cli.write(`${explainLines(explained).join('\n')}\n`)
  return 0
}

export const policyTestCommand: Command = async (cli) => {
  const file = parseConfig(assertionFile, readText(cli.args[0] ?? ''))
  const { factOf, records } = await readKnown(cli)
  const outcome = checkAssertions(file.assertions, withPods(worldOf(records, factOf), file))
  const { checked, failed } = outcome
  if (cli.json) writeJson(cli, outcome)
  else if (failed.length === 0) cli.write(`all as asserted: ${checked} pairs of addresses\n`)
  else cli.write(`${outcomeLines(outcome).join('\n')}\n`)
  if (failed.length > 0) cli.note(`${failed.length} of ${checked} pairs of addresses are not as asserted`)
  return failed.length === 0 ? 0 : 1
}
