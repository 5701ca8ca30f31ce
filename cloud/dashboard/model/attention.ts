// What needs a person: by severity, each with what to do about it. The same trouble on many nodes is one entry.

import { compareText } from '../../../shared/bytes.ts'
import type { Severity } from '../../../shared/health.ts'
import type { HubStatus } from '../../api/answers.ts'
import type { Roster, RosterLine } from '../../fleet/roster.ts'
import { presenceOf } from './presence.ts'
import { countText, namesText, versionText } from './words.ts'

export interface Attention {
  /** Stable: entries keep their place on the screen by it. */
  readonly key: string
  readonly severity: Severity
  readonly title: string
  readonly remedy: string
  /** The particular case, where there is one. */
  readonly detail?: string
  /** Whom it concerns, by name. */
  readonly nodes: readonly string[]
  /** Since when it is so for the first of them, milliseconds since the Unix epoch. */
  readonly since?: number
}

const RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2 }

function ofHealth({ items, meanings }: Roster): readonly Attention[] {
  const byCode = new Map<string, { readonly line: RosterLine; readonly since: number; readonly detail?: string }[]>()
  for (const line of items) {
    // What a node said before it left is told by its absence now.
    if (line.state !== 'online') continue
    for (const { code, ...rest } of line.health) byCode.set(code, [...(byCode.get(code) ?? []), { line, ...rest }])
  }
  return [...byCode].flatMap(([code, all]) => {
    const meaning = meanings[code]
    if (meaning === undefined) return []
    const detail = all.length === 1 ? all[0]?.detail : undefined
    return {
      key: `health/${code}`,
      ...meaning,
      ...(detail === undefined ? {} : { detail }),
      nodes: all.map(({ line }) => line.name),
      since: Math.min(...all.map(({ since }) => since)),
    }
  })
}

function ofPresence({ items }: Roster, now: number): readonly Attention[] {
  const gone = items.filter((line) => presenceOf(line, now) === 'unreachable')
  const alone = items.filter((line) => presenceOf(line, now) === 'autonomous')
  const them = alone.length === 1 ? 'it' : 'them'
  const since = (lines: readonly RosterLine[]): number => Math.min(...lines.map((line) => line.since ?? now))
  return [
    ...(gone.length === 0
      ? []
      : [
          {
            key: 'presence/unreachable',
            severity: 'critical' as const,
            title: `${countText(gone.length, 'node')} out of reach`,
            remedy: 'Check power and uplink there. A node that lost only the hub would be reached by its peers.',
            nodes: gone.map(({ name }) => name),
            since: since(gone),
          },
        ]),
    ...(alone.length === 0
      ? []
      : [
          {
            key: 'presence/autonomous',
            severity: 'warning' as const,
            title: `${countText(alone.length, 'node')} away from the hub, working on`,
            remedy: `Nothing breaks meanwhile: peers reach ${them} and pass newer intent on. Check the way to the hub.`,
            nodes: alone.map(({ name }) => name),
            since: since(alone),
          },
        ]),
  ]
}

function ofDoor({ pending, unsigned }: HubStatus): readonly Attention[] {
  const entry = (key: string, names: readonly string[], title: string, remedy: string): readonly Attention[] =>
    names.length === 0 ? [] : [{ key, severity: 'warning', title, remedy, nodes: names }]
  return [
    ...entry(
      'door/pending',
      pending,
      `${countText(pending.length, 'device')} ${pending.length === 1 ? 'asks' : 'ask'} to be let in`,
      'Compare the name with the device in front of you, then approve it under Join.',
    ),
    ...entry(
      'door/unsigned',
      unsigned,
      `${countText(unsigned.length, 'device')} ${unsigned.length === 1 ? 'waits' : 'wait'} for signatures`,
      'Keys of the membership lock sign for them: holdfast-hub lock sign NAME --key FILE.',
    ),
  ]
}

function ofRevisions({ agentUpdates = [], networks }: HubStatus): readonly Attention[] {
  const taken = networks.flatMap(({ network, takenBack }): readonly Attention[] => {
    const [first] = takenBack
    if (first === undefined) return []
    return [
      {
        key: `revision/${network}`,
        severity: 'critical',
        title: `Revision ${versionText(first.version)} was taken back by ${namesText(takenBack.map(({ name }) => name))}`,
        remedy: 'Mend the intent: a newer revision is tried by itself. They run the last good one meanwhile.',
        detail: `${first.check}: ${first.detail}`,
        nodes: takenBack.map(({ name }) => name),
        since: Math.min(...takenBack.map(({ since }) => since)),
      },
    ]
  })
  const halted = agentUpdates
    .filter(({ phase }) => phase === 'halted')
    .map(
      ({ failed, haltedBy, name, version }): Attention => ({
        key: `update/${name}`,
        severity: 'critical',
        title: `The update to agent ${version} has halted`,
        remedy: 'Bring a build that mends it, or delete the AgentUpdate to give it up.',
        ...(haltedBy === undefined ? {} : { detail: haltedBy }),
        nodes: failed.map((one) => one.name),
      }),
    )
  return [...taken, ...halted]
}

function ofHub({ ready, reason }: HubStatus): readonly Attention[] {
  if (ready) return []
  const [title, remedy] = ['The hub cannot serve devices now', 'They work on from what they hold. See the hub’s log.']
  return [
    { key: 'hub', severity: 'critical', title, remedy, ...(reason === undefined ? {} : { detail: reason }), nodes: [] },
  ]
}

/** The worst first; of the same severity, what concerns most nodes. */
export function attentionOf(roster: Roster, status: HubStatus | undefined, now: number): readonly Attention[] {
  const ofStatus = status === undefined ? [] : [...ofHub(status), ...ofRevisions(status), ...ofDoor(status)]
  return [...ofStatus, ...ofPresence(roster, now), ...ofHealth(roster)].sort(
    (a, b) => RANK[a.severity] - RANK[b.severity] || b.nodes.length - a.nodes.length || compareText(a.key, b.key),
  )
}

export function worstOf(severities: readonly Severity[]): Severity | undefined {
  return severities.toSorted((a, b) => RANK[a] - RANK[b])[0]
}
