// Roll-outs of agent versions, for people.

import type { Cell } from '../../shared/cli/table.ts'
import { selectorText } from '../../shared/intent/selector-text.ts'
import type { Presented } from '../api/answers.ts'
import type { RollStanding } from '../rollout/standing.ts'
import { ageText, type Row, type TableOf } from './columns.ts'

/** Names or reasons that are spelled out; the API lists all. */
const SHOWN = 5

function listed(words: readonly string[]): string {
  const rest = words.length - SHOWN
  return rest <= 0 ? words.join(', ') : `${words.slice(0, SHOWN).join(', ')} and ${rest} more`
}

const tones = { waiting: 'dim', rolling: 'warn', paused: 'warn', halted: 'bad', complete: 'good' } as const

function phaseCell(now: RollStanding | undefined): Cell {
  return now === undefined ? { text: '-' } : { text: now.phase, tone: tones[now.phase] }
}

export function agentUpdateTable(items: readonly Presented[]): TableOf {
  const rows = (items as readonly Presented<'AgentUpdate'>[]).map((item): Row => {
    const now = item.status['rollout'] as RollStanding | undefined
    const { network, selector, soakS, version } = item.spec
    return [
      item.metadata.name,
      network,
      version,
      selectorText(selector),
      phaseCell(now),
      now === undefined ? '-' : `${now.wave}/${now.waves}`,
      now === undefined ? '-' : `${now.done}/${now.selected}`,
      listed(now?.failed.map(({ name }) => name) ?? []) || '-',
      listed([...(now?.pending ?? []), ...(now?.offline ?? [])]) || '-',
      ageText(soakS * 1_000),
    ]
  })
  const headings = ['name', 'network', 'version', 'for', 'state', 'wave', 'run it', 'failed', 'pending', 'soak']
  return { headings, rows }
}

/** For the summary of the hub. */
export function rolloutText({
  chosen,
  done,
  failed,
  haltedBy,
  heldBy,
  name,
  phase,
  selected,
  version,
  wave,
  waves,
}: RollStanding): string {
  const far = `Agent ${version} (${name}): ${done} of ${selected} devices run it, wave ${wave} of ${waves}, ${chosen} told`
  if (phase !== 'halted') return heldBy === undefined ? `${far}; ${phase}.` : `${far}; no wave is opened: ${heldBy}.`
  const why = failed.slice(0, SHOWN).map((one) => `\n  ${one.name}: ${one.why}`)
  return `${far}; HALTED: ${haltedBy}${failed.length > 1 ? why.join('') : ''}\nMend it and apply another version, or a higher maxFailed; \`holdfast-hub delete agentupdate ${name}\` gives up.`
}
