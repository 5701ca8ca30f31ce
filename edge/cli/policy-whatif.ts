// `holdfast policy whatif`: the flows on record, judged by policies that somebody thinks of. Changes nothing.

import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { type Change, type Replay, replay } from '../../shared/flows/replay.ts'
import { parseDocuments } from '../../shared/intent/yaml.ts'
import { isSubject } from '../../shared/policy/subject.ts'
import { unheardIn } from '../../shared/policy/unheard.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { readText } from './policy.ts'
import { type Ground, readGround } from './policy-ground.ts'
import { sinceMsOf } from './record.ts'
import { caveats, changesTable, totalText } from './replay-text.ts'

type Policies = ParsedRecords['policies']

const SINCE = '7d'

function policiesOf(path: string): Policies {
  return parseDocuments(readText(path)).map((resource) => {
    const { kind, metadata } = resource
    if (kind === 'Policy') return { name: metadata.name, spec: resource.spec }
    throw new HoldfastError('invalid', `${kind}/${metadata.name} is no Policy: nothing else is tried here`, {
      field: 'kind',
      remedy: 'Leave it out of the file.',
    })
  })
}

/** Those of the network that this node is in. */
function ofNetwork(cli: Cli, all: Policies, network: string): Policies {
  return all.filter(({ name, spec }) => {
    if (spec.network === network) return true
    cli.note(`policy ${name} is of network ${spec.network}, and this node is of ${network}: left out`)
    return false
  })
}

/** What of a file means nobody or nothing: whoever wrote it meant something. */
function noteUnheard(cli: Cli, { records, rules, self }: Ground, given: Policies): void {
  const { endpoints } = rules(records.policies).there
  const node = records.nodes.find(({ name }) => name === self.name)
  for (const { name, spec } of given) {
    if (!endpoints.some((one) => isSubject(spec.subject, one)))
      cli.note(`policy ${name} speaks of nobody who is known here`)
    for (const part of node === undefined ? [] : unheardIn(spec, node))
      cli.note(`policy ${name}, ${part}: means nothing here`)
    if (spec.mode === 'Audit')
      cli.note(`policy ${name} is in Audit mode, and changes nothing; see \`holdfast policy audit\``)
  }
}

/** Those of intent, less what is to be deleted, with those of the file in place of their namesakes. */
function changed(held: Policies, deleted: readonly string[], more: Policies): Policies {
  const missing = deleted.find((name) => !held.some((one) => one.name === name))
  if (missing !== undefined) {
    throw new HoldfastError('not-found', `there is no policy "${missing.slice(0, 70)}" to delete`, {
      remedy: `There are: ${held.map(({ name }) => name).join(', ') || 'none'}.`,
    })
  }
  const gone = new Set<string>([...deleted, ...more.map(({ name }) => name)])
  return [...held.filter(({ name }) => !gone.has(name)), ...more].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Prints what came out; `more` is for programs. */
export function tell(cli: Cli, ground: Ground, found: Replay, more: object = {}): void {
  const { dealings, self, sinceMs } = ground
  if (cli.json) {
    const { batches, fromMs, gaps, scans, toMs } = dealings
    writeJson(cli, { ...more, sinceMs, record: { fromMs, toMs, batches, gaps, scans }, ...found })
    return
  }
  for (const line of caveats(found, dealings, sinceMs)) cli.note(line)
  cli.write(changesTable(found, self.name, switchFlag(cli.flags, 'color')))
  cli.write(`${totalText(found)}\n`)
}

function fails({ already, kind }: Change, on: string | undefined): boolean {
  return !already && (on === 'change' || (on === 'loss' && kind === 'lost'))
}

export const policyWhatifCommand: Command = async (cli) => {
  const [path] = cli.args
  const deleted = listFlag(cli.flags, 'delete')
  if (path === undefined && deleted.length === 0) {
    throw new HoldfastError('usage', 'policy whatif needs a FILE of policies, or --delete', {
      remedy: 'See `holdfast policy whatif --help`.',
    })
  }
  const sinceMs = sinceMsOf(cli, SINCE)
  const given = path === undefined ? [] : policiesOf(path)
  const ground = await readGround(cli, sinceMs)
  const held = ground.records.policies
  const more = ofNetwork(cli, given, ground.network)
  noteUnheard(cli, ground, more)
  const found = replay({
    dealings: ground.dealings.all,
    self: ground.self,
    today: ground.rules(held),
    would: ground.rules(changed(held, deleted, more)),
  })
  tell(cli, ground, found)
  const on = textFlag(cli.flags, 'fail-on')
  return found.changes.some((one) => fails(one, on)) ? 1 : 0
}
