// `holdfast status` for people: who this node is, how it stands with the hub, its peers, and what is wrong.

import { bytesText, timeText } from '../../shared/cli/words.ts'
import type { ShownCondition } from '../../shared/health.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { AgentStatus, PeerStatus } from '../agent.ts'
import type { Way, WiringStatus } from '../names/wiring/doors.ts'
import { sourceText } from '../trust/origin.ts'
import { cutOffLines } from './cut-off-text.ts'
import { kubernetesText } from './kubernetes-text.ts'
import { mirrorLines } from './mirror-line.ts'
import { overrideLine } from './override-line.ts'
import { PUBLISHED, publishedRows } from './published-rows.ts'
import { renumberLines, silenceLines } from './renumber-text.ts'
import { routerLine } from './router-text.ts'
import { SERVICES, serviceRows } from './service-rows.ts'
import { orderLines, updateText } from './update-text.ts'
import { uplinkText } from './uplink-text.ts'
import { ageText, agoText, rttText } from './words.ts'

/** Lays out rows in columns; given in, so that this file stays free of how wide a terminal is. */
export type Table = (columns: readonly string[], rows: readonly (readonly string[])[]) => string

function modeLine({ mode, modeSince, hub }: AgentStatus, nowMs: number): string {
  const age = ageText((nowMs - modeSince) / 1_000)
  const since = `${timeText(modeSince)} (${nowMs < modeSince ? 'this clock is behind it' : age})`
  if (mode === 'online') return `online since ${since}, hub ${hub.url}`
  const { lastContact, lastContactAgeS } = hub
  const contact =
    lastContact === undefined
      ? 'never heard of the hub'
      : `hub last heard ${timeText(lastContact)}${agoText(lastContactAgeS)}`
  return `autonomous since ${since}, ${contact}`
}

function revisionLine({ revision }: AgentStatus, nowMs: number): string {
  const { ageS, held, applied, lastGood, newestHeard, quarantine, signedAt, source, trial, waiting } = revision
  const told = [
    ...(source === undefined ? [] : [`from ${sourceText(source)}, ${timeText(source.at)}`]),
    ...(signedAt === undefined ? [] : [`signed ${timeText(signedAt)}${agoText(ageS)}`]),
  ]
  const from = told.length === 0 ? '' : ` (${told.join('; ')})`
  const parts = [`held ${formatVersion(held)}${from}`, `applied ${formatVersion(applied)}`]
  if (trial !== undefined) {
    const left = trial.secondsLeft > 0 ? `${trial.secondsLeft} s to go` : 'something that was lost is waited for'
    parts.push(`on trial: ${left}, else back to ${formatVersion(lastGood)}`)
  }
  if (quarantine !== undefined) {
    const { certain, check, since, version } = quarantine
    const back = `${formatVersion(version)} taken back ${ageText((nowMs - since) / 1_000)} ago: ${check}`
    parts.push(certain ? back : `${back} (whether it was to blame is being looked at)`)
  }
  if (waiting !== undefined) parts.push(`${formatVersion(waiting)} waits: a canary lets other nodes go first`)
  if (newestHeard !== undefined) {
    const { agoS, peer, version } = newestHeard
    parts.push(`${peer} told of ${formatVersion(version)} ${ageText(agoS)} ago, which is not here yet`)
  }
  return parts.join(', ')
}

/** Said only where the hub has rotated it: then people compare it. */
function rootLine({ rootKey: { key, serial } }: AgentStatus): readonly string[] {
  return serial === 0 ? [] : [`root key  ${key}, number ${serial}`]
}

function lockLine({ membershipLock: lock }: AgentStatus): readonly string[] {
  if (lock === undefined) return []
  const left = lock.leftOut.length === 0 ? '' : `; left out: ${lock.leftOut.join(', ')}`
  return [`lock      ${lock.threshold} of ${lock.keys} keys sign for a member, lock ${lock.serial}${left}`]
}

function peerRow(peer: PeerStatus): readonly string[] {
  const path = peer.via === undefined ? peer.path : `${peer.path} via ${peer.via}`
  return [
    peer.name,
    peer.addresses.join(' '),
    path,
    rttText(peer.rttMs),
    peer.handshakeAgeS === undefined ? 'never' : ageText(peer.handshakeAgeS),
    bytesText(peer.rxBytes),
    bytesText(peer.txBytes),
    peer.endpoint ?? '-',
  ]
}

function healthText(health: readonly ShownCondition[]): string {
  return health
    .map(({ severity, title, detail, remedy, since }) => {
      const what = detail === undefined ? '' : `\n    ${detail}`
      return `${severity}: ${title} (since ${timeText(since)})${what}\n    → ${remedy}\n`
    })
    .join('')
}

const SPARED = ['', ', looks and reports are spared', ', rests at one relay only'] as const

function upkeepLine({ upkeep: { budgetBytesPerDay: budget, by, bytesToday, thrift } }: AgentStatus): string {
  const of = budget === undefined ? '' : ` of ${bytesText(budget)}`
  const parts = Object.entries(by).filter(([, bytes]) => bytes > 0)
  const told = parts.map(([kind, bytes]) => `${kind} ${bytesText(bytes)}`).join(', ')
  return `${bytesText(bytesToday)}${of} today${told === '' ? '' : ` (${told})`}${SPARED[thrift]}`
}

function gossipLine({ gossip }: AgentStatus, nowMs: number): string {
  const { begun, failed, heard, last, said, served } = gossip
  const latest = last === undefined ? '' : `, last with ${last.peer} ${ageText((nowMs - last.at) / 1_000)} ago`
  const ill = failed === 0 ? '' : `, ${failed} failed`
  return `${said} words said, ${heard} heard; ${begun + served} exchanges${latest}${ill}`
}

const RESOLVERS: Readonly<Record<Way, string>> = {
  resolved: 'systemd-resolved',
  dnsmasq: 'dnsmasq',
  networkmanager: 'dnsmasq of NetworkManager',
  file: '/etc/resolv.conf',
}

/** Whether programs of this host find them. */
function resolverLine(told: WiringStatus | undefined): readonly string[] {
  if (told?.by !== undefined) return [`resolver  asks here, by ${RESOLVERS[told.by]}`]
  return told?.why === undefined ? [] : [`resolver  of this host does not ask here: ${told.why}`]
}

function namesLine({ names }: AgentStatus): readonly string[] {
  if (names === undefined) return []
  const { at, domain, port, refused } = names
  const heard = at.length === 0 ? 'nowhere' : `at ${at.join(' ')} port ${port}`
  const not = refused.map(({ address, why }) => `; not at ${address}: ${why}`).join('')
  return [`names     of ${domain} ${heard}${not}`, ...resolverLine(names.host)]
}

/** Of blocks that more than one leads to. */
function routerLines({ routers = [] }: AgentStatus): readonly string[] {
  return routers.map(routerLine)
}

export function statusText(status: AgentStatus, nowMs: number, table: Table): string {
  const lines = [
    ...status.overrides.filter(({ state }) => state === 'active').map((one) => overrideLine(one, nowMs)),
    ...(status.mirror === undefined ? [] : mirrorLines(status.mirror, nowMs)),
    `node      ${status.node} (${status.nodeId}) in ${status.network}`,
    `addresses ${status.addresses.join(' ') || 'none yet'}`,
    `mode      ${modeLine(status, nowMs)}`,
    ...cutOffLines(status, nowMs),
    ...silenceLines(status, nowMs),
    ...renumberLines(status),
    `revision  ${revisionLine(status, nowMs)}`,
    `gossip    ${gossipLine(status, nowMs)}`,
    `uplink    ${uplinkText(status.uplink)}`,
    ...namesLine(status),
    ...routerLines(status),
    ...rootLine(status),
    ...lockLine(status),
    ...(status.kubernetes === undefined ? [] : [`cluster   ${kubernetesText(status.kubernetes)}`]),
    `upkeep    ${upkeepLine(status)}`,
    ...(status.drains === true
      ? ['drains    it leaves its services and routes: `holdfast drain --end` takes it back']
      : []),
    `agent     ${status.version}, up ${ageText(status.uptimeS)}`,
    ...(status.update === undefined ? [] : [`update    ${updateText(status.update, nowMs)}`]),
    ...orderLines(status.order),
  ]
  const peers =
    status.peers.length === 0
      ? 'no peers yet\n'
      : table(['PEER', 'ADDRESSES', 'PATH', 'RTT', 'HANDSHAKE', 'RX', 'TX', 'ENDPOINT'], status.peers.map(peerRow))
  const services = (status.services ?? []).length === 0 ? '' : `\n${table(SERVICES, serviceRows(status))}`
  const doors = publishedRows(status)
  const published = doors.length === 0 ? '' : `\n${table(PUBLISHED, doors)}`
  const health = status.health.length === 0 ? 'health: nothing to report\n' : healthText(status.health)
  return `${lines.join('\n')}\n\n${peers}${services}${published}\n${health}`
}
