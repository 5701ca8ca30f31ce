// The commands that only look: status, plan, ping, doctor.

import { fromBase64 } from '../../shared/bytes.ts'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { renderTable } from '../../shared/cli/table.ts'
import { describeError, type ErrorCode, HoldfastError } from '../../shared/errors.ts'
import type { HealthCode } from '../../shared/health.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { proxyText } from '../../shared/host/http-proxy.ts'
import { connectDevice } from '../../shared/host/pinned-device.ts'
import { connectPinned } from '../../shared/host/pinned-tls.ts'
import { parseBrokerUrl, parseHubUrl } from '../../shared/wire/hub-url.ts'
import { loadKeys } from '../enrol/device-keys.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { openBroker } from '../host/broker-link.ts'
import { openLockFile } from '../host/lock-file.ts'
import { proxyOf } from '../host/settings.ts'
import { readTimeFloor } from '../host/time-floor.ts'
import type { PingLine } from '../local/api.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { relayTlsProtocol } from '../relay/tls-frames.ts'
import { pinnedRootStatus } from '../trust/own-root.ts'
import { brokerFinding } from './broker-finding.ts'
import { type CachedStatus, cachedStatus, cachedText, withStore } from './cached.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { type DoctorOptions, diagnose, type Finding, type PolicyLook } from './doctor.ts'
import { kubernetesFinding } from './kubernetes-finding.ts'
import { lanFinding } from './lan-finding.ts'
import { pingLineText, summarize, summaryText } from './ping-text.ts'
import { planText } from './plan-text.ts'
import { relayFinding } from './relay-finding.ts'
import { statusText } from './status-text.ts'
import { tlsRelayFinding } from './tls-relay-finding.ts'

export const statusCommand: Command = async (cli) => {
  try {
    const status = await createLocalClient(cli.files.socket).status(true)
    if (cli.json) writeJson(cli, status)
    else cli.write(statusText(status, cli.clock.now(), renderTable))
    return 0
  } catch (error) {
    if (!isAgentDown(error)) throw error
    const cached = cachedStatus(cli)
    if (cli.json) writeJson(cli, cached)
    else cli.write(cachedText(cached, cli.clock.now()))
    if (cached.agent === 'starting') cli.note('the agent does not answer yet; see its log if this lasts')
    else cli.note(`the agent is not running; ${remedyOf(cached)}`)
    return 1
  }
}

function remedyOf({ joined }: CachedStatus): string {
  return joined ? 'start it: systemctl start holdfast' : 'join first: holdfast join URL --token T'
}

export const planCommand: Command = async (cli) => {
  const { ops } = await createLocalClient(cli.files.socket).plan()
  if (cli.json) writeJson(cli, { ops })
  else cli.write(planText(ops, cli.settings.interface))
  return 0
}

export const pingCommand: Command = async (cli) => {
  const word = textFlag(cli.flags, 'count') ?? '4'
  const count = Number(word)
  if (!Number.isInteger(count) || count < 1)
    throw new HoldfastError('usage', `--count ${word} is not a number of pings`)
  const answers: Exclude<PingLine, { error: unknown }>[] = []
  for await (const line of createLocalClient(cli.files.socket).ping(cli.args[0] ?? '', count)) {
    if ('error' in line) {
      const { code, message, remedy } = line.error
      throw new HoldfastError(code as ErrorCode, message, remedy === undefined ? {} : { remedy })
    }
    answers.push(line)
    if (!cli.json) cli.write(`${pingLineText(line)}\n`)
  }
  const summary = summarize(answers)
  if (cli.json) writeJson(cli, { answers, summary })
  else cli.write(`${summaryText(summary)}\n`)
  return summary.received > 0 ? 0 : 1
}

/** What fails is found, and never ends the examination. */
async function reachHub(cli: Cli, floor: number): Promise<DoctorOptions['hub']> {
  const proxy = proxyOf(cli.settings)
  let told = { url: 'not known', ...(proxy === undefined ? {} : { proxy: proxyText(proxy) }) }
  try {
    const identity = loadIdentity(cli.files)
    if (identity === undefined) return undefined
    const { host, port } = parseHubUrl(identity.hubUrl)
    told = { ...told, url: identity.hubUrl }
    const authorityDer = fromBase64(identity.anchor.tlsAuthority)
    const out = await cli.createHubWay?.(cli.settings, cli.log)
    const at = { host, port, proxy, out, timeoutMs: 5_000 }
    const { socket } = await connectPinned({ ...at, authorityDer, now: cli.clock.now(), floor })
    socket.destroy()
    return { ...told, reached: true, why: '' }
  } catch (error) {
    return { ...told, reached: false, why: describeError(error) }
  }
}

async function brokerWays(cli: Cli, floor: number): Promise<readonly Finding[]> {
  try {
    const identity = loadIdentity(cli.files)
    if (identity === undefined) return []
    const proxy = proxyOf(cli.settings)
    const out = await cli.createHubWay?.(cli.settings, cli.log)
    const link = { identity, proxy, out, clock: cli.clock, floor: () => floor, onCertificate: () => undefined }
    const ways = identity.broker.urls.map(parseBrokerUrl)
    return [await brokerFinding({ ways, proxy, open: (way) => openBroker(way, link) })]
  } catch {
    // What is wrong with the identity is told of the hub already.
    return []
  }
}

type FromAgent = Pick<Finding, 'check' | 'verdict' | 'used'>

/** Conditions of the running agent that say what this host has and lacks. */
const TOLD_BY_AGENT: Partial<Record<HealthCode, FromAgent>> = {
  'relay-closed': { check: 'relay port', verdict: 'fails', used: 'nothing' },
  'relay-tls-closed': { check: 'relay TLS port', verdict: 'fails', used: 'nothing' },
  'traffic-mirrored': { check: 'mirror', verdict: 'note', used: 'by whoever reads there' },
  'uplink-silent': { check: 'uplinks', verdict: 'note', used: 'another uplink' },
}

/** Whether what listens at the port of this host's own TLS relay is that. */
async function dialOwnTls(cli: Cli, port: number): Promise<void> {
  const deviceKey = loadKeys(cli.files)?.signer.publicKey
  if (deviceKey === undefined) throw new HoldfastError('not-found', 'this device has no key')
  const at = { host: '127.0.0.1', port, timeoutMs: 5_000, deviceKey, protocols: [relayTlsProtocol] }
  const socket = await connectDevice(at)
  socket.destroy()
}

/** Whether this host's relay is open and answers, and an uplink used; nothing where no agent runs. */
async function agentFindings(cli: Cli): Promise<readonly Finding[]> {
  try {
    const { health, kubernetes, relay } = await createLocalClient(cli.files.socket).status(false)
    const raised = health.flatMap(({ code, detail, remedy, title }): readonly Finding[] => {
      const about = TOLD_BY_AGENT[code]
      return about === undefined ? [] : [{ ...about, found: detail ?? title, remedy }]
    })
    const told = [...raised, ...kubernetesFinding(kubernetes)]
    const closed = health.some(({ code }) => code === 'relay-tls-closed' || code === 'relay-closed')
    if (relay === undefined || closed) return told
    return [...told, await tlsRelayFinding({ port: relay.tlsPort, dial: (port) => dialOwnTls(cli, port) })]
  } catch {
    return []
  }
}

/** 0 where the agent runs and holds the lock: its clock was raised already. */
function knownFloor(cli: Cli): number {
  try {
    return withStore(cli, readTimeFloor) ?? 0
  } catch {
    return 0
  }
}

/** Makes an interface and removes it: modules load by themselves, so nothing else tells for sure. */
async function tryKernelWireguard(cli: Cli): Promise<boolean> {
  const name = `hfdr${cli.clock.now() % 1_000_000}`
  try {
    await cli.run(['ip', 'link', 'add', name, 'type', 'wireguard'])
    await cli.run(['ip', 'link', 'del', 'dev', name])
    return true
  } catch {
    return false
  }
}

function pinnedRoot(cli: Cli): Pick<DoctorOptions, 'rootKey'> {
  try {
    const identity = loadIdentity(cli.files)
    if (identity === undefined) return {}
    return { rootKey: pinnedRootStatus(identity, openLockFile(cli.files.rootPin), sha256) }
  } catch {
    // What is wrong with the identity is told of the hub already.
    return {}
  }
}

async function lookAtPolicy({ log, lookAtPolicy: look, settings }: Cli): Promise<PolicyLook> {
  return { driver: settings.policyDriver, ...(await look(settings, log)) }
}

export async function findings(cli: Cli): Promise<readonly Finding[]> {
  const floor = knownFloor(cli)
  const hub = await reachHub(cli, floor)
  const kernel = cli.probe.isRoot ? { kernelWireguard: await tryKernelWireguard(cli) } : {}
  const looked = cli.probe.isRoot ? { policy: await lookAtPolicy(cli) } : {}
  const seen = { ...kernel, ...looked, ...pinnedRoot(cli) }
  const base = { ...seen, probe: cli.probe, stateDir: cli.files.directory, now: cli.clock.now(), floor }
  const relay = await relayFinding(cli.run, {
    whyNoShortcut: () => cli.whyNoShortcut(cli.log),
    lookAtXdp: () => cli.lookAtXdp(cli.log),
  })
  const lan = await lanFinding(cli.run, cli.settings)
  const all = [...diagnose(hub === undefined ? base : { ...base, hub }), lan]
  const more = [...(await brokerWays(cli, floor)), ...(await agentFindings(cli))]
  return [...all, ...more, ...(relay === undefined ? [] : [relay])]
}

export const doctorCommand: Command = async (cli) => {
  const found = await findings(cli)
  if (cli.json) writeJson(cli, { findings: found })
  else {
    const tones = { ok: 'good', note: 'warn', fails: 'bad' } as const
    const rows = found.map(({ check, verdict, found: what, used, remedy }) => [
      check,
      { text: verdict, tone: tones[verdict] },
      what,
      used,
      remedy ?? '',
    ])
    cli.write(renderTable(['check', 'verdict', 'found', 'used', 'remedy'], rows, switchFlag(cli.flags, 'color')))
  }
  return found.some(({ verdict }) => verdict === 'fails') ? 1 : 0
}
