// The commands that tell how peers are reached: paths, explain, netcheck. They ask the agent, and nobody outside.

import { switchFlag } from '../../shared/cli/parse.ts'
import { type Cell, renderTable } from '../../shared/cli/table.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { worldOf } from '../../shared/policy/world.ts'
import type { PeerStatus } from '../agent.ts'
import { createLocalClient } from '../local/client.ts'
import { findPeer } from '../local/find-peer.ts'
import type { CandidateReport, PathReport, PathsReport } from '../paths/report.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { explainText, explainWithoutEngine, isReached } from './explain-text.ts'
import { mtuText } from './mtu-text.ts'
import { netcheckRows } from './netcheck-text.ts'
import { ageText, rttText } from './words.ts'

function stateCell({ inUse, state }: CandidateReport): string | Cell {
  if (inUse) return { text: 'in use', tone: 'good' }
  return state === 'failed' || state === 'held-down' ? { text: state, tone: 'warn' } : state
}

function row(peer: PathReport, one: CandidateReport): readonly (string | Cell)[] {
  const loss = one.loss === undefined ? '-' : `${Math.round(one.loss * 100)} %`
  const answered = one.lastAnswerAgeMs === undefined ? 'never' : ageText(one.lastAnswerAgeMs / 1_000)
  const kind = one.via === undefined ? one.kind : `${one.kind} via ${one.via}`
  return [
    peer.name,
    kind,
    one.endpoint,
    one.source,
    stateCell(one),
    rttText(one.rttMs),
    loss,
    mtuText(one),
    answered,
    one.reason,
  ]
}

const COLUMNS = ['PEER', 'PATH', 'ENDPOINT', 'FROM', 'STATE', 'RTT', 'LOSS', 'MTU', 'ANSWERED', 'WHY']

interface Asked {
  readonly all: PathsReport
  readonly self: NodeId
  /** Undefined where the engine is off. */
  readonly report: PathReport | undefined
  readonly peer: PeerStatus
}

async function ask(cli: Cli, wanted: string): Promise<Asked> {
  const client = createLocalClient(cli.files.socket)
  const [all, status] = await Promise.all([client.paths(), client.status(false)])
  const peer = findPeer(status, wanted)
  return { all, peer, self: status.nodeId, report: all.peers.find(({ nodeId }) => nodeId === peer.nodeId) }
}

async function pathsOf(cli: Cli): Promise<PathsReport> {
  const [wanted] = cli.args
  if (wanted === undefined) return await createLocalClient(cli.files.socket).paths()
  const { all, report } = await ask(cli, wanted)
  return { ...all, peers: report === undefined ? [] : [report] }
}

export const pathsCommand: Command = async (cli) => {
  const all = await pathsOf(cli)
  if (cli.json) writeJson(cli, all)
  else {
    const rows = all.peers.flatMap((peer) => peer.candidates.map((one) => row(peer, one)))
    cli.write(renderTable(COLUMNS, rows, switchFlag(cli.flags, 'color')))
    if (all.engine === 'off')
      cli.note('this host can’t share WireGuard’s port: endpoints take turns; see `holdfast doctor`')
  }
  return 0
}

/** The node in front of a pod; whoever is no pod is who they are. */
async function nodeInFront(cli: Cli, wanted: string): Promise<string> {
  if (!wanted.includes('/')) return wanted
  const { factOf, records } = await (await import('./known.ts')).readKnown(cli)
  const pod = worldOf(records, factOf).endpoints.find(({ kind, name }) => kind === 'pod' && name === wanted)
  if (pod === undefined) return wanted
  cli.note(`${wanted} (${pod.addresses.join(', ')}) is behind ${pod.node}`)
  return pod.node
}

/** Exits with 0 if the peer is reached. Of two ends and a port, policy is asked. */
export const explainCommand: Command = async (cli) => {
  if (cli.args.length === 2) {
    throw new HoldfastError('usage', 'explain of two ends needs a PORT', {
      remedy: `Write \`holdfast explain ${cli.args.join(' ')} 443\`, 53/udp or icmp.`,
    })
  }
  if (cli.args.length === 3) return await (await import('./policy-ask.ts')).policyExplainCommand(cli)
  const outside = await (await import('./way-out.ts')).explainWayOut(cli, cli.args[0] ?? '')
  if (outside !== undefined) return outside
  const { all, peer, report, self } = await ask(cli, await nodeInFront(cli, cli.args[0] ?? ''))
  const { residencyHere, residencyText } = await import('./residency.ts')
  const residency = report === undefined ? undefined : await residencyHere(cli, self, peer.nodeId)
  if (cli.json) {
    const kept = residency === undefined ? {} : { residency }
    writeJson(cli, { ...all, peers: report === undefined ? [] : [report], ...kept })
  } else {
    cli.write(report === undefined ? explainWithoutEngine(peer) : explainText(all, report, cli.clock.now()))
    if (report !== undefined && residency !== undefined) cli.write(residencyText(residency, all, report))
  }
  return peer.path !== 'none' || report?.candidates.some(isReached) === true ? 0 : 1
}

async function netcheck(
  cli: Cli,
): Promise<{ readonly paths: PathsReport; readonly rows: readonly (readonly string[])[] }> {
  const client = createLocalClient(cli.files.socket)
  const [paths, status] = await Promise.all([client.paths(), client.status(true)])
  return { paths, rows: netcheckRows(paths, status, cli.probe, cli.clock.now()) }
}

export const netcheckCommand: Command = async (cli) => {
  const { paths, rows } = await netcheck(cli)
  if (cli.json) writeJson(cli, { ...paths, peers: [], checks: rows.map(([check, found]) => ({ check, found })) })
  else cli.write(renderTable(['CHECK', 'FOUND'], rows, switchFlag(cli.flags, 'color')))
  return 0
}
