// `holdfast policy explain` and `policy test`: what the policies that this node holds come to. Needs neither hub nor network.

import { describeError, isHoldfastError } from '../../shared/errors.ts'
import { type Asked, createHistorian, type History } from '../../shared/flows/history.ts'
import { parseConfig } from '../../shared/intent/yaml.ts'
import { assertionFile, checkAssertions, withPods } from '../../shared/policy/assertions.ts'
import type { Protocol } from '../../shared/policy/decision.ts'
import type { Judge } from '../../shared/policy/flow.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { withOverlays } from '../../shared/policy/overlay.ts'
import { explainFlow, explainLines, outcomeLines } from '../../shared/policy/reason-text.ts'
import { type End, endsOf, parseService, type Service } from '../../shared/policy/target.ts'
import { type World, worldOf } from '../../shared/policy/world.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { historyLines } from './history-text.ts'
import { type Known, overridesHere, readKnown } from './known.ts'
import { readText } from './policy.ts'
import { eachBatch, sinceMsOf } from './record.ts'

/** As far as a device keeps its record. */
const SINCE = '30d'

/** Each node judges by intent; this one also by its overrides that hold. */
async function judgeHere(cli: Cli, { factOf, records }: Known, world: World): Promise<Judge> {
  const overlays = (await overridesHere(cli)).filter(({ state }) => state === 'active')
  const own = overlays.length === 0 ? world : worldOf(withOverlays(records, overlays), factOf)
  const self = loadIdentity(cli.files)?.name
  return (subject, direction, other, { port, protocol }) =>
    judge({ subject, direction, other, protocol, port }, subject.node === self ? own : world)
}

const NUMBERS = { TCP: [6], UDP: [17], SCTP: [132], ICMP: [1, 58], other: [] } as const satisfies Record<
  Protocol,
  readonly number[]
>

function isOneOf(ends: readonly End[]): Asked['isSource'] {
  const [names, addresses] = [new Set(ends.map(({ name }) => name)), new Set(ends.map(({ address }) => address))]
  return ({ address, name }) => addresses.has(address) || (name !== undefined && names.has(name))
}

/** Undefined where this node has no record; that is said, and is no reason not to explain. */
async function historyHere(
  cli: Cli,
  world: World,
  { from, service, to }: { readonly from: string; readonly to: string; readonly service: Service },
): Promise<History | undefined> {
  const { port, protocol } = service
  const historian = createHistorian({
    isSource: isOneOf(endsOf(world, from)),
    isDestination: isOneOf(endsOf(world, to)),
    protocols: NUMBERS[protocol],
    port: port === 0 ? undefined : port,
  })
  try {
    await eachBatch(cli, sinceMsOf(cli, SINCE), ({ batch }) => historian.add(batch))
    return historian.done()
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'usage') throw error
    cli.note(`what is on record is not known: ${describeError(error)}`)
    return undefined
  }
}

export const policyExplainCommand: Command = async (cli) => {
  const [from = '', to = '', port = ''] = cli.args
  const service = parseService(port)
  // Told before anything is asked.
  sinceMsOf(cli, SINCE)
  const known = await readKnown(cli)
  const world = worldOf(known.records, known.factOf)
  const explained = explainFlow(world, { from, to, service }, await judgeHere(cli, known, world))
  const history = await historyHere(cli, world, { from, to, service })
  if (cli.json) {
    const record = history && { ...history, decidingSinceMs: Object.fromEntries(history.decidingSinceMs) }
    writeJson(cli, { items: explained, ...(record === undefined ? {} : { record }) })
    return 0
  }
  const told = history === undefined ? [] : historyLines(history, explained, cli.clock.now())
  cli.write(`${[...explainLines(explained), ...told].join('\n')}\n`)
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
