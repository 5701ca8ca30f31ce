// `holdfast policy …`: break the glass on a site that is cut off, see what is broken, and put it back.

import { readFileSync } from 'node:fs'
import { renderTable } from '../../shared/cli/table.ts'
import { timeText } from '../../shared/cli/words.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { parseDocuments } from '../../shared/intent/yaml.ts'
import { documentBytesMax } from '../../shared/limits.ts'
import { type OverridePolicy, overrideByText } from '../../shared/override/override.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { createLocalClient } from '../local/client.ts'
import { type Command, writeJson } from './context.ts'
import { expiresMs, reasonGiven, whoAsks } from './for-a-while.ts'
import { ageText } from './words.ts'

export function readText(path: string): string {
  try {
    const text = readFileSync(path === '-' ? 0 : path, 'utf8')
    if (text.length <= documentBytesMax) return text
  } catch (cause) {
    throw new HoldfastError('not-found', `cannot read ${path}: ${describeError(cause)}`, { cause })
  }
  throw new HoldfastError('too-large', `${path} has more than ${documentBytesMax} bytes`)
}

/** Policies alone: everything else that intent can say is the hub's to say. */
function policiesOf(path: string): readonly OverridePolicy[] {
  const resources = parseDocuments(readText(path))
  return resources.map((resource) => {
    const { kind, metadata } = resource
    if (kind === 'Policy') return { name: metadata.name, spec: resource.spec }
    throw new HoldfastError('invalid', `${kind}/${metadata.name} is no Policy: an override changes nothing else`, {
      field: 'kind',
      remedy: 'Leave it out of the file; the hub changes it once it is back.',
    })
  })
}

function setText({ by, expiresAt, id, policies, reason }: OverrideView, now: number): string {
  const left = ageText((expiresAt - now) / 1_000)
  return [
    `override ${id} is in force until ${timeText(expiresAt)} (${left})`,
    `  policies  ${policies.map(({ name }) => name).join(', ')}`,
    `  reason    ${reason}`,
    `  by        ${overrideByText(by)}`,
    `It ends by itself; earlier with: holdfast policy restore ${id}`,
    'The hub is told when it is there, and accepts or drops it.',
    '',
  ].join('\n')
}

export const overrideCommand: Command = async (cli) => {
  const durationMs = expiresMs(cli, 'policy override')
  const reason = reasonGiven(cli, 'policy override')
  const policies = policiesOf(cli.args[0] ?? '')
  const order = { policies, durationMs, reason, by: whoAsks(cli) }
  const answer = await createLocalClient(cli.files.socket).override(order)
  for (const warning of answer.warnings) cli.note(`mind: ${warning}`)
  if (cli.json) writeJson(cli, answer)
  else cli.write(setText(answer.override, cli.clock.now()))
  return 0
}

export const overridesCommand: Command = async (cli) => {
  const { overrides } = await createLocalClient(cli.files.socket).overrides()
  if (cli.json) writeJson(cli, { overrides })
  else if (overrides.length === 0) cli.write('no overrides: the policy of the intent holds\n')
  else {
    const rows = overrides.map(({ by, endedAt, expiresAt, id, madeAt, policies, reason, state }) => [
      id,
      { text: state, tone: state === 'active' ? 'warn' : 'dim' } as const,
      timeText(madeAt),
      timeText(endedAt ?? expiresAt),
      overrideByText(by),
      policies.map(({ name }) => name).join(','),
      reason,
    ])
    cli.write(renderTable(['id', 'state', 'since', 'until', 'by', 'policies', 'reason'], rows, false))
  }
  return 0
}

export const restoreCommand: Command = async (cli) => {
  const [id] = cli.args
  const order = { by: whoAsks(cli), ...(id === undefined ? {} : { id }) }
  const answer = await createLocalClient(cli.files.socket).restore(order)
  if (cli.json) writeJson(cli, answer)
  else
    for (const one of answer.overrides)
      cli.write(`override ${one.id} has ended; the policy of the intent holds again\n`)
  return 0
}
