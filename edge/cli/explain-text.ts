// `holdfast explain NODE` in sentences: how the peer is reached, why so and not better, and what comes next.

import type { CandidateReport, PathReport, PathsReport } from '../paths/report.ts'
import { ageText, rttText } from './words.ts'

const NAT_WORDS: Readonly<Record<PathReport['natType'], string>> = {
  unknown: 'behind a NAT of unknown kind, or none',
  none: 'behind no NAT',
  'endpoint-independent': 'behind a NAT that others can reach through once it has a mapping',
  symmetric: 'behind a NAT with another mapping for every destination (symmetric)',
  'udp-blocked': 'behind a firewall that blocks UDP',
}

const KIND_WORDS: Readonly<Record<CandidateReport['kind'], string>> = {
  lan: 'over the local network',
  direct: 'directly',
  relay: 'through a relay',
  tls: 'through a relay over TLS',
}

const ORDER: readonly CandidateReport['kind'][] = ['lan', 'direct', 'relay', 'tls']

const ago = (ms: number): string => `${ageText(Math.round(ms / 1_000))} ago`

function usedSentence(name: string, used: CandidateReport): string {
  const via = used.via === undefined ? '' : ` ${used.via}`
  const rtt = used.rttMs === undefined ? '' : `, round trip ${rttText(used.rttMs)}`
  const seen = used.lastAnswerAgeMs === undefined ? '' : `, last answer ${ago(used.lastAnswerAgeMs)}`
  return `${name} is reached ${KIND_WORDS[used.kind]}${via} at ${used.endpoint}${rtt}${seen}.`
}

function natSentence(report: PathReport, own: PathsReport['natType']): string {
  if (own === 'symmetric' && report.natType === 'symmetric') {
    return 'Both ends are behind symmetric NATs, so nothing but a relay or a port mapping can join them.'
  }
  return `This node is ${NAT_WORDS[own]}; ${report.name} is ${NAT_WORDS[report.natType]}.`
}

function triedSentence(one: CandidateReport): string {
  const tried = one.lastProbeAgeMs === undefined ? 'not tried yet' : `last tried ${ago(one.lastProbeAgeMs)}`
  const held = one.heldForMs === undefined ? '' : `, not gone back to for ${ageText(Math.ceil(one.heldForMs / 1_000))}`
  return `${one.kind} ${one.endpoint} (${one.source}): ${one.reason}, ${tried}${held}.`
}

export function explainText(paths: PathsReport, report: PathReport): string {
  if (paths.engine === 'off') {
    return 'This host can’t share WireGuard’s port, so endpoints take turns until one answers; see `holdfast doctor`.\n'
  }
  const used = report.candidates.find(({ inUse }) => inUse)
  const better =
    used === undefined
      ? report.candidates
      : report.candidates.filter((one) => !one.inUse && ORDER.indexOf(one.kind) < ORDER.indexOf(used.kind))
  const lines = [
    used === undefined ? `${report.name} is not reached.` : usedSentence(report.name, used),
    natSentence(report, paths.natType),
    ...better.map(triedSentence),
    report.mode === 'idle'
      ? 'No payload flows, so nothing is probed; the first packet wakes the paths.'
      : `Payload flows; the path is watched at the pace "${report.mode}".`,
    report.decides
      ? 'This node decides which path the pair uses.'
      : `${report.name} decides which path the pair uses; this node follows.`,
    ...report.history.slice(-5).map(({ ageMs, what }) => `${ago(ageMs)}: ${what}`),
  ]
  return `${lines.join('\n')}\n`
}
