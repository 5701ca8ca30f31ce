// explain: all that bears on one device, one policy or one pair, gathered from intent and reports.

import { switchFlag } from '../../shared/cli/parse.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { selects } from '../../shared/intent/field.ts'
import { mayBeBy, type Residency, residencyOf } from '../../shared/intent/relay-policy.ts'
import { residencyLines } from '../../shared/intent/residency-text.ts'
import { selectsNode } from '../../shared/policy/subject.ts'
import { formatVersion } from '../../shared/record/head.ts'
import type { List, Presented, ShownNode } from '../api/answers.ts'
import { ageText, labelsText, subjectText } from './columns.ts'
import { argument, type Command, type Context, printJson } from './context.ts'

interface World {
  readonly nodes: readonly Presented<'Node'>[]
  readonly policies: readonly Presented<'Policy'>[]
  readonly routes: readonly Presented<'Route'>[]
  readonly fleet: readonly ShownNode[]
}

async function look(context: Context): Promise<World> {
  const client = context.client()
  const [nodes, policies, routes, fleet] = await Promise.all([
    client.get<List<Presented<'Node'>>>('/api/v1/nodes'),
    client.get<List<Presented<'Policy'>>>('/api/v1/policies'),
    client.get<List<Presented<'Route'>>>('/api/v1/routes'),
    client.get<List<ShownNode>>('/api/v1/fleet'),
  ])
  return { nodes: nodes.items, policies: policies.items, routes: routes.items, fleet: fleet.items }
}

function nodeNamed(world: World, name: string): Presented<'Node'> {
  const node = world.nodes.find(({ metadata }) => metadata.name === name)
  if (node !== undefined) return node
  throw new HoldfastError('not-found', `there is no node "${name.slice(0, 70)}"`, {
    remedy: 'See `holdfast-hub get nodes`.',
  })
}

function policiesOf(world: World, node: Presented<'Node'>): readonly Presented<'Policy'>[] {
  return world.policies.filter(
    ({ spec }) =>
      spec.network === node.spec.network &&
      selectsNode(spec.subject, { name: node.metadata.name, labels: node.spec.labels }),
  )
}

function takenBackLine({ revision: { quarantine } }: NonNullable<ShownNode['report']>): readonly string[] {
  if (quarantine === undefined) return []
  return [`Taken back ${formatVersion(quarantine.version)}: ${quarantine.check}, ${quarantine.detail}`]
}

/** Of its program. */
/** What it was told to run, and how far it is. */
function orderLine({ order }: NonNullable<ShownNode['report']>): readonly string[] {
  if (order === undefined || order.state === 'none') return []
  const { detail, state, version } = order
  return [`Ordered    ${version ?? 'another version'}: ${state}${detail === undefined ? '' : `, ${detail}`}`]
}

function updateLine({ update }: NonNullable<ShownNode['report']>): readonly string[] {
  const { last, trial } = update ?? {}
  if (trial !== undefined) return [`Update     from ${trial.from} to ${trial.version}, on trial`]
  if (last === undefined || last.outcome === 'confirmed') return []
  const why = last.check === undefined ? '' : `: ${last.check}, ${last.detail ?? ''}`
  const what = last.outcome === 'taken-back' ? 'taken back' : 'interrupted'
  return [`Update     to ${last.version} ${what}, ${last.from} runs${why}`]
}

/** Of a device that is away. */
function heardLine({ heardOf, lastSeen, state }: ShownNode, now: number): readonly string[] {
  if (state === 'online') return []
  const own = lastSeen === undefined ? 'never' : `${ageText(now - lastSeen)} ago`
  const others =
    heardOf === undefined
      ? 'no other device has reached it'
      : `${heardOf.by} reached it ${ageText(now - heardOf.at)} ago by ${heardOf.path}`
  return [`Last heard ${own}; ${others}`]
}

function reportLines(device: ShownNode | undefined, now: number): readonly string[] {
  if (device === undefined) return ['State      not enrolled: `holdfast-hub token create` makes its join token']
  const { fact, report } = device
  return [
    `State      ${device.state} for ${ageText(now - device.since)}`,
    ...heardLine(device, now),
    `Device     ${device.nodeId}, WireGuard key ${device.wgKey}, device key ${device.deviceKey}`,
    ...(report === undefined
      ? []
      : [
          `Revision   runs ${formatVersion(report.revision.applied)}, holds ${formatVersion(report.revision.held)}`,
          ...takenBackLine(report),
          `Agent      ${report.version} on ${report.host.os}, kernel ${report.host.kernel}, WireGuard ${report.host.wireguard}`,
          ...updateLine(report),
          ...orderLine(report),
          `Peers      ${report.peersReachable} of ${report.peersTotal} reachable`,
        ]),
    ...(fact === undefined
      ? []
      : [`Endpoints  ${fact.candidates.map(({ endpoint, kind }) => `${endpoint} (${kind})`).join(', ') || 'none'}`]),
    ...(device.overrides ?? []).map(
      ({ expiresAt, id, reason }) => `Override   ${id} until ${new Date(expiresAt).toISOString()}: ${reason}`,
    ),
    ...device.health.flatMap(({ detail, remedy, severity, title }) => [
      `${severity.toUpperCase()}: ${title}${detail === undefined ? '' : ` (${detail})`}`,
      `  ${remedy}`,
    ]),
  ]
}

export const explainNode: Command = async (context) => {
  const world = await look(context)
  const node = nodeNamed(world, argument(context, 0))
  const device = world.fleet.find(({ name }) => name === node.metadata.name)
  const policies = policiesOf(world, node)
  const routes = world.routes.filter(({ spec }) => selects(spec.via, node.spec.labels))
  if (switchFlag(context.flags, 'json')) {
    printJson(context, { node, device, policies, routes })
    return
  }
  const lines = [
    `Node ${node.metadata.name} in network ${node.spec.network}${node.spec.disabled ? ', DISABLED' : ''}`,
    `Labels     ${labelsText(node.spec.labels) || 'none'}`,
    `Addresses  ${(node.status.addresses ?? []).join(', ') || 'none yet'}`,
    ...reportLines(device, context.clock.now()),
    `Policies   ${policies.map(({ metadata }) => metadata.name).join(', ') || 'none: the network’s default applies'}`,
    `Routes     ${routes.map(({ metadata, spec }) => `${metadata.name} (${spec.destination})`).join(', ') || 'none lead through it'}`,
  ]
  context.out(`${lines.join('\n')}\n`)
}

export const explainPolicy: Command = async (context) => {
  const world = await look(context)
  const name = argument(context, 0)
  const policy = world.policies.find(({ metadata }) => metadata.name === name)
  if (policy === undefined) {
    throw new HoldfastError('not-found', `there is no policy "${name.slice(0, 70)}"`, {
      remedy: 'See `holdfast-hub get policies`.',
    })
  }
  const subjects = world.nodes.filter((node) => policiesOf(world, node).includes(policy))
  if (switchFlag(context.flags, 'json')) {
    printJson(context, { policy, nodes: subjects.map(({ metadata }) => metadata.name) })
    return
  }
  const { action, mode, subject, tier } = policy.spec
  const lines = [
    `Policy ${name}: ${tier}, ${action}, ${mode}`,
    `Subject    ${subjectText(subject)}`,
    `Nodes      ${subjects.map(({ metadata }) => metadata.name).join(', ') || 'none now: check the labels'}`,
    ...policy.status.conditions.map(({ message, status, type }) => `${type.padEnd(10)} ${status}: ${message}`),
  ]
  context.out(`${lines.join('\n')}\n`)
}

function half(world: World, from: string, to: string): string {
  const device = world.fleet.find(({ name }) => name === from)
  if (device?.report === undefined) return `${from} has not reported yet`
  const peer = device.report.peers.find(({ name }) => name === to)
  if (peer === undefined) return `${from} does not list ${to} among its peers`
  const via = peer.via === undefined ? '' : ` via ${peer.via}`
  const rtt = peer.rttUs === undefined ? '' : `, ${(peer.rttUs / 1_000).toFixed(1)} ms`
  const age = peer.handshakeAgeS === undefined ? 'never' : `${ageText(peer.handshakeAgeS * 1_000)} ago`
  return `${from} reaches ${to} by ${peer.path}${via}${rtt}, at ${peer.endpoint ?? 'no endpoint'}; last handshake ${age}`
}

/** Undefined where no rule of the network speaks of the pair, or one of the two is not known. */
function residencyIn(world: World, networks: readonly Presented<'Network'>[], pair: readonly [string, string]) {
  const [a, b] = pair.map((name) => world.nodes.find(({ metadata }) => metadata.name === name))
  const network = networks.find(({ metadata }) => metadata.name === a?.spec.network)
  if (a === undefined || b === undefined || network === undefined) return undefined
  const named = ({ metadata, spec }: Presented<'Node'>) => ({ name: metadata.name, labels: spec.labels })
  const relays = world.nodes.filter(
    ({ spec }) => spec.network === network.metadata.name && spec.relay?.enabled === true && !spec.disabled,
  )
  return residencyOf(network.spec.relayPolicy, [named(a), named(b)], relays.map(named))
}

/** By what either end told last: silence of both is no word about paths. */
function isReached({ fleet }: World, from: string, to: string, residency: Residency): boolean {
  const { report, state } = fleet.find(({ name }) => name === from) ?? {}
  const { path: kind = 'none', via } = report?.peers.find(({ name }) => name === to) ?? {}
  return state === 'online' && kind !== 'none' && mayBeBy(residency, { kind, via })
}

export const explainPath: Command = async (context) => {
  const [world, networks] = await Promise.all([
    look(context),
    context.client().get<List<Presented<'Network'>>>('/api/v1/networks'),
  ])
  const [from, to] = [argument(context, 0), argument(context, 1)]
  for (const name of [from, to]) {
    try {
      nodeNamed(world, name)
    } catch (error) {
      if (isHoldfastError(error, 'not-found')) throw error
    }
  }
  const halves = [half(world, from, to), half(world, to, from)]
  const residency = residencyIn(world, networks.items, [from, to])
  if (switchFlag(context.flags, 'json')) {
    printJson(context, { from, to, reports: halves, ...(residency === undefined ? {} : { residency }) })
    return
  }
  const lines =
    residency === undefined
      ? []
      : residencyLines(residency, {
          isReached: isReached(world, from, to, residency) || isReached(world, to, from, residency),
          answers: (relay) => world.fleet.find(({ name }) => name === relay)?.state === 'online',
        })
  context.out(`${[...halves, ...lines].join('\n')}\n`)
}
