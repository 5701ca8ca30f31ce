// `holdfast explain NODE` in sentences: how the peer is reached, why so and not better, and what comes next.

import { isIpv6 } from '../../shared/address/endpoint.ts'
import type { PeerStatus } from '../agent.ts'
import type { CandidateReport, PathReport, PathsReport } from '../paths/report.ts'
import { uplinkSentences } from '../uplinks/words.ts'
import { mtuSentence } from './mtu-text.ts'
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

/** Of what happened: enough to see a path flap. */
const HISTORY_LINES = 5

const ago = (ms: number): string => `${ageText(Math.round(ms / 1_000))} ago`

function wayWords({ kind, via }: CandidateReport): string {
  if (via === undefined) return KIND_WORDS[kind]
  return kind === 'tls' ? `through relay ${via} over TLS` : `through relay ${via}`
}

/** Answered lately: what WireGuard is merely pointed at is no path yet. */
export function isReached({ inUse, lastAnswerAgeMs, state }: CandidateReport): boolean {
  return inUse && lastAnswerAgeMs !== undefined && (state === 'valid' || state === 'probing')
}

/** Nobody talks with it, and nothing is known of a way to it. */
export function isUnasked({ candidates, mode }: PathReport): boolean {
  return mode === 'idle' && candidates.every(({ lastAnswerAgeMs }) => lastAnswerAgeMs === undefined)
}

/** Whose fault it is that a relay is silent, as far as this end can tell. */
function silentRelay(name: string, used: CandidateReport, { relays = [] }: PathsReport): readonly string[] {
  const relay = relays.find((one) => one.name === used.via)
  if (relay === undefined || isReached(used)) return []
  return relay.by === 'silent'
    ? [`Relay ${relay.name} does not answer this node.`]
    : [`Relay ${relay.name} answers this node, so it is ${name} that is not there, or does not reach it.`]
}

function usedSentence(name: string, used: CandidateReport): string {
  // By TLS that is a socket of this host, and nobody's place.
  const way = `${wayWords(used)}${used.kind === 'tls' ? '' : ` at ${used.endpoint}`}`
  if (!isReached(used)) return `WireGuard sends to ${name} ${way}: ${used.reason}.`
  const rtt = used.rttMs === undefined ? '' : `, round trip ${rttText(used.rttMs)}`
  const seen = used.lastAnswerAgeMs === undefined ? '' : `, last answer ${ago(used.lastAnswerAgeMs)}`
  return `${name} is reached ${way}${rtt}${seen}.`
}

function natSentence(report: PathReport, own: PathsReport['natType']): string {
  if (own === 'symmetric' && report.natType === 'symmetric') {
    return 'Both ends are behind symmetric NATs, so nothing but a relay or a port mapping can join them.'
  }
  return `This node is ${NAT_WORDS[own]}; ${report.name} is ${NAT_WORDS[report.natType]}.`
}

/** What would join two ends of which one alone has IPv6. */
function ipv6Sentence({ candidates, name }: PathReport, outside: PathsReport['outside']): readonly string[] {
  const theirs = candidates.some(({ endpoint, kind }) => kind === 'direct' && isIpv6(endpoint))
  const ours = outside?.some((host) => host.includes(':')) ?? theirs
  if (theirs === ours) return []
  const [has, lacks] = ours ? ['this node', name] : [name, 'this node']
  return [`Over IPv6 they could meet directly: ${has} has it, ${lacks} has not.`]
}

/** Why it is a relay, as far as what stands in front of either end tells. */
function whyRelayed(
  report: PathReport,
  { natType: own, outside }: PathsReport,
  used: CandidateReport,
): readonly string[] {
  if (used.kind !== 'relay' && used.kind !== 'tls') return []
  const ends = new Set([own, report.natType])
  if (ends.has('udp-blocked')) {
    const end = own === 'udp-blocked' ? 'this node' : report.name
    return [`So ${end} goes to the relay over TLS, until its firewall lets UDP out.`]
  }
  if (ends.has('unknown')) return []
  const both = ends.size === 1 && ends.has('symmetric')
  if (!both && !(ends.has('symmetric') && ends.has('endpoint-independent'))) {
    return ['Neither end’s NAT forbids a direct way: a firewall in between may.']
  }
  const end = own === 'symmetric' ? 'this node' : report.name
  const neither = `So neither can send the first packet: nobody knows the mapping that ${end} will have, and the other NAT lets in nobody it was not sent to.`
  return [...(both ? [] : [neither]), ...ipv6Sentence(report, outside)]
}

function triedLine({ endpoint, kind, lastProbeAgeMs, reason, source }: CandidateReport): string {
  const tried = lastProbeAgeMs === undefined ? '' : `; last tried ${ago(lastProbeAgeMs)}`
  return `  ${kind} ${endpoint} (${source}): ${reason}${tried}`
}

function list(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines]
}

/** What else there is: all of it where nothing is in use, else what would be better. */
function othersLines({ candidates }: PathReport, used: CandidateReport | undefined): readonly string[] {
  if (candidates.length === 0) return ['Nobody told where it might be: it has not announced itself yet.']
  if (used === undefined) return list('Where it was looked for:', candidates.map(triedLine))
  if (!isReached(used)) {
    return list('Where else it was looked for:', candidates.filter(({ inUse }) => !inUse).map(triedLine))
  }
  const better = candidates.filter((one) => !one.inUse && ORDER.indexOf(one.kind) < ORDER.indexOf(used.kind))
  return list('Better, but not in use:', better.map(triedLine))
}

function sizeLines(used: CandidateReport | undefined): readonly string[] {
  const sentence = used === undefined ? undefined : mtuSentence(used)
  return sentence === undefined ? [] : [sentence]
}

function historyLines({ history }: PathReport): readonly string[] {
  const lately = history.slice(-HISTORY_LINES).map(({ ageMs, what }) => `  ${ago(ageMs)}: ${what}`)
  return list('Lately:', lately)
}

function unaskedText({ natType }: PathsReport, report: PathReport): string {
  const { candidates, name } = report
  const lines = [
    `No way to ${name} is proven since this agent started, and nobody talks with it; the first packet looks for one.`,
    natSentence(report, natType),
    candidates.length === 0
      ? 'Nobody told where it might be, except at relays.'
      : 'Where it will be looked for, and at relays:',
    ...candidates.map(({ endpoint, kind, source }) => `  ${kind} ${endpoint} (${source})`),
    ...historyLines(report),
  ]
  return `${lines.join('\n')}\n`
}

export function explainText(paths: PathsReport, report: PathReport, nowMs: number): string {
  const { decides, mode, name } = report
  const used = report.candidates.find(({ inUse }) => inUse)
  if (isUnasked(report)) return unaskedText(paths, report)
  const lines = [
    used === undefined ? `${name} is not reached.` : usedSentence(name, used),
    ...(used === undefined ? [] : silentRelay(name, used, paths)),
    ...sizeLines(used),
    natSentence(report, paths.natType),
    ...(used === undefined ? [] : whyRelayed(report, paths, used)),
    ...uplinkSentences(paths.uplinks ?? [], nowMs).map((one) => `${one.slice(0, 1).toUpperCase()}${one.slice(1)}.`),
    ...othersLines(report, used),
    mode === 'idle'
      ? 'No payload flows, so nothing is probed; the first packet wakes the paths.'
      : `Payload flows; the path is watched at the pace "${mode}".`,
    decides
      ? 'This node decides which path the pair uses.'
      : `${name} decides which path the pair uses; this node follows.`,
    ...historyLines(report),
  ]
  return `${lines.join('\n')}\n`
}

/** Where the engine is off, WireGuard's own handshakes are all that is known. */
export function explainWithoutEngine({ endpoint, handshakeAgeS, name, path }: PeerStatus): string {
  const at = endpoint === undefined ? '' : ` at ${endpoint}`
  const shaken = handshakeAgeS === undefined ? 'never' : `${ageText(handshakeAgeS)} ago`
  const first = path === 'none' ? `${name} is not reached` : `${name} is reached${at}`
  return `${first}; last handshake of WireGuard: ${shaken}.
This host can’t share WireGuard’s port, so endpoints take turns until one answers; see \`holdfast doctor\`.
`
}
