// What the record says of a flow that policy is asked about: how it fares, since when, and how it fared before.

import { ruleText } from '../../shared/cli/flows-text.ts'
import { timeText } from '../../shared/cli/words.ts'
import type { History, Span } from '../../shared/flows/history.ts'
import type { Judgement } from '../../shared/policy/decision.ts'
import type { Explained } from '../../shared/policy/reason-text.ts'
import { ageText } from './words.ts'

/** Spans that are told; a flow that flaps has many. */
const SPANS = 4

const VERDICTS = { accept: 'accepted', drop: 'refused' } as const

function ago(ms: number, now: number): string {
  return `${timeText(ms)}, ${ageText((now - ms) / 1_000)} ago`
}

function revisions({ firstRevision, lastRevision }: Span): string {
  return firstRevision === lastRevision ? `revision ${firstRevision}` : `revisions ${firstRevision} to ${lastRevision}`
}

function amount({ flows, packets }: Span): string {
  return `${flows} ${flows === 1 ? 'flow' : 'flows'}, ${packets} packets`
}

function policiesOf({ reason }: Judgement): readonly string[] {
  if (reason.kind === 'rule') return [reason.policy]
  return reason.kind === 'isolated' ? reason.policies : []
}

/** `explained`: what policies say now. */
export function historyLines(history: History, explained: readonly Explained[], now: number): readonly string[] {
  const { decidingSinceMs, fromMs, spans, unknownPorts } = history
  const [last, ...before] = spans
  const decided = explained.flatMap(({ decision }) => decision.legs.map((leg) => leg.decision))
  const isOther = explained.length > 0 && explained.every(({ decision }) => decision.verdict !== last?.verdict)
  const aged = [...new Set(decided.flatMap(policiesOf))].sort().flatMap((name) => {
    const sinceMs = decidingSinceMs.get(name)
    return sinceMs === undefined
      ? []
      : [`policy ${name} has decided on this node since ${ago(sinceMs, now)}, or longer`]
  })
  if (fromMs === undefined) return ['nothing is on record']
  const folded =
    unknownPorts === 0
      ? []
      : [`it may be among ${unknownPorts} flows between them of which the ports are not on record`]
  if (last === undefined) return [`not on record on this node, since ${timeText(fromMs)}`, ...folded, ...aged]
  return [
    `on record on this node: last seen ${ago(last.lastMs, now)}, ${VERDICTS[last.verdict]}: ${ruleText(last.reason)}`,
    `  so since ${ago(last.firstMs, now)}, ${revisions(last)}: ${amount(last)}`,
    ...before
      .slice(0, SPANS)
      .map(
        (span) =>
          `  before, until ${timeText(span.lastMs)}, ${VERDICTS[span.verdict]}: ${ruleText(span.reason)}; ${revisions(span)}, ${amount(span)}`,
      ),
    ...(before.length > SPANS ? [`  … and ${before.length - SPANS} changes before that`] : []),
    ...(isOther ? ['  nothing of it was seen since policies say otherwise, or another node decided'] : []),
    ...folded,
    ...aged,
  ]
}
