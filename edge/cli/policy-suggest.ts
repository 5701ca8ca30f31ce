// `holdfast policy suggest`: the least policy that the flows on record need, to be read, tried by `policy whatif`, and applied
// at the hub.

import { listFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { directoryOf } from '../../shared/flows/ends.ts'
import { suggest } from '../../shared/flows/suggest.ts'
import { type SuggestedBy, suggestedPolicy, suggestionYaml } from '../../shared/flows/suggest-yaml.ts'
import { parseName } from '../../shared/ids.ts'
import { name as nameField } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { type Ground, readGround } from './policy-ground.ts'
import { sinceMsOf } from './record.ts'
import { gapText, scanText } from './replay-text.ts'

const SINCE = '7d'
const NAME_MAX = 63

function suggestedName(cli: Cli, node: string): string {
  const given = textFlag(cli.flags, 'name')
  if (given !== undefined) return parseWith(nameField, given)
  return parseName(`suggested-${node}`.slice(0, NAME_MAX).replace(/-+$/, ''))
}

function byOf(cli: Cli): readonly string[] | undefined {
  const words = listFlag(cli.flags, 'by').flatMap((word) => word.split(','))
  return words.length === 0 ? undefined : words.map((word) => word.trim()).filter((word) => word !== '')
}

function about(cli: Cli, { dealings, network, self }: Ground): SuggestedBy {
  const { fromMs, gaps, scans, toMs } = dealings
  return {
    name: suggestedName(cli, self.name),
    network,
    node: self.name,
    fromMs,
    toMs,
    lines: [...scans.map(scanText), ...gaps.map(gapText)],
  }
}

export const policySuggestCommand: Command = async (cli) => {
  const ground = await readGround(cli, sinceMsOf(cli, SINCE))
  const { dealings, records, rules, self } = ground
  const way = textFlag(cli.flags, 'direction')
  const direction = way === 'ingress' || way === 'egress' ? way : undefined
  const today = directoryOf(rules(records.policies).there)
  const suggestion = suggest({ dealings: dealings.all, self, today, by: byOf(cli), direction })
  const by = about(cli, ground)
  if (suggestion.ingress === undefined && suggestion.egress === undefined) {
    throw new HoldfastError(
      'not-found',
      'there is nothing to learn from: no flow on record was accepted and answered',
      {
        remedy: 'Let the traffic run that is wanted, or look further back with --since.',
      },
    )
  }
  if (cli.json || textFlag(cli.flags, 'output') === 'json')
    writeJson(cli, { policy: suggestedPolicy(suggestion, by), ...suggestion, record: dealings.gaps })
  else cli.write(suggestionYaml(suggestion, by))
  return 0
}
