// `holdfast policy explain` and `policy test`: what the policies that this node holds come to. Needs neither hub nor network.

import type { Fact } from '../../shared/fact/fact.ts'
import { openFact } from '../../shared/fact/fact.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { inflate } from '../../shared/host/inflate.ts'
import type { NodeId } from '../../shared/ids.ts'
import { parseConfig } from '../../shared/intent/yaml.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { assertionFile, checkAssertions, withPods } from '../../shared/policy/assertions.ts'
import type { Judge } from '../../shared/policy/flow.ts'
import { judge } from '../../shared/policy/oracle.ts'
import { withOverlays } from '../../shared/policy/overlay.ts'
import { explainFlow, explainLines, outcomeLines } from '../../shared/policy/reason-text.ts'
import { parseService } from '../../shared/policy/target.ts'
import { type World, worldOf } from '../../shared/policy/world.ts'
import { parseSnapshot, snapshotFrameMax, unframe } from '../../shared/record/delta.ts'
import { followDevice, splitLed } from '../../shared/record/device-link.ts'
import { formatVersion } from '../../shared/record/head.ts'
import { type ParsedRecords, parseRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import { carriedSnapshot, parseCarried } from '../../shared/wire/carried.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { pinOf } from '../keys/device-book.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { cachedStatus } from './cached.ts'
import { intentFile } from './carry.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { readText } from './policy.ts'

interface Known {
  readonly records: ParsedRecords
  readonly factOf: (node: BodyOf<'node'>) => Fact | undefined
}

/** What this node holds was verified when it came; of facts only what still reads is taken. */
async function readKnown(cli: Cli): Promise<Known> {
  const file = await intentFile(cli)
  const { records } = parseRecords(
    parseSnapshot(unframe(inflate(carriedSnapshot(file), snapshotFrameMax), snapshotFrameMax).payload),
  )
  const network = loadIdentity(cli.files)?.network.id
  const envelopes = new Map<NodeId, Uint8Array>()
  for (const frame of parseCarried(file)) {
    if (frame.type === 'fact') envelopes.set(frame.node, frame.envelope)
    else if (frame.type === 'state')
      cli.note(`asked of revision ${formatVersion(frame.state.version)}, which this node holds`)
  }
  return {
    records,
    factOf(node) {
      const { nodeId } = node
      const said = envelopes.get(nodeId)
      try {
        if (said === undefined || network === undefined) return undefined
        const { envelope, links } = splitLed(said)
        const { key } = followDevice(pinOf(node), links, { network, node: nodeId, verify })
        return openFact(envelope, nodeId, key, verify, sha256)
      } catch {
        // Of a device that took the place of another under the same name: what the former one said counts no more.
        return undefined
      }
    },
  }
}

async function overridesHere(cli: Cli): Promise<readonly OverrideView[]> {
  try {
    return (await createLocalClient(cli.files.socket).overrides()).overrides
  } catch (error) {
    if (isAgentDown(error)) return cachedStatus(cli).overrides
    throw error
  }
}

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
