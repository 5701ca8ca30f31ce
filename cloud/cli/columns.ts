// Resources as rows for people: per kind the few columns that answer the usual questions.

import type { Cell } from '../../shared/cli/table.ts'
import { selectorText } from '../../shared/intent/selector-text.ts'
import { formatVersion, type Version } from '../../shared/record/head.ts'
import type { Presented, ShownNode } from '../api/answers.ts'
import type { Away, CanaryState, TokenRow } from '../hub.ts'

export type Row = readonly (string | Cell)[]

export interface TableOf {
  readonly headings: readonly string[]
  readonly rows: readonly Row[]
}

/** Whom a policy speaks of. */
export function subjectText({ node, nodeSelector }: Presented<'Policy'>['spec']['subject']): string {
  const parts = [
    ...(node === undefined ? [] : [`node ${node}`]),
    ...(nodeSelector === undefined ? [] : [selectorText(nodeSelector)]),
  ]
  return parts.length === 0 ? 'pods' : parts.join(' if ')
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort((a, b) => (a < b ? -1 : 1))
    .join(',')
}

/** `3s`, `5m`, `7h`, `12d`: the largest unit that fits. */
export function ageText(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1_000))
  if (s < 120) return `${s}s`
  if (s < 7_200) return `${Math.floor(s / 60)}m`
  return s < 172_800 ? `${Math.floor(s / 3_600)}h` : `${Math.floor(s / 86_400)}d`
}

function condition({ status }: Pick<Presented, 'status'>, type: string): Cell {
  const found = status.conditions.find((one) => one.type === type)
  if (found === undefined) return { text: '-' }
  const tone = found.status === 'True' ? 'good' : found.status === 'False' ? 'warn' : 'dim'
  return { text: found.status === 'True' ? 'yes' : found.reason, tone }
}

function stateCell(node: ShownNode | undefined): Cell {
  if (node === undefined) return { text: 'not enrolled', tone: 'dim' }
  return {
    text: node.state,
    tone: node.state === 'online' ? 'good' : node.state === 'pending' || node.state === 'unsigned' ? 'warn' : 'bad',
  }
}

function revisionCell(node: ShownNode | undefined): Cell {
  if (node?.report === undefined) return { text: '-' }
  const { applied, quarantine, trial } = node.report.revision
  if (quarantine !== undefined) {
    const text = `${formatVersion(applied)}, ${formatVersion(quarantine.version)} taken back: ${quarantine.check}`
    return { text, tone: 'bad' }
  }
  return trial === undefined ? { text: formatVersion(applied) } : { text: `${formatVersion(applied)} on trial` }
}

/** Its own last word while it is away, and who has heard of it since. */
function heardCell(node: ShownNode | undefined, now: number): string {
  if (node === undefined || node.state === 'online') return '-'
  const { heardOf, lastSeen } = node
  const own = lastSeen === undefined ? [] : [`${ageText(now - lastSeen)} ago`]
  const others =
    heardOf === undefined || heardOf.at <= (lastSeen ?? 0) ? [] : [`${heardOf.by} ${ageText(now - heardOf.at)} ago`]
  return [...own, ...others].join(', ') || 'never'
}

/** Devices that are away, for the summary of the hub. */
export function awayTable(
  away: readonly Away[],
  newest: (network: string) => Version | undefined,
  now: number,
): TableOf {
  const rows = away.map(({ applied, heardOf, lastSeen, name, network, since }): Row => {
    const current = newest(network)
    const of = current === undefined ? '' : ` of ${formatVersion(current)}`
    return [
      name,
      `${new Date(since).toISOString().slice(0, 19)}Z (${ageText(now - since)})`,
      applied === undefined ? '-' : `${formatVersion(applied)}${of}`,
      lastSeen === undefined ? 'never' : `${ageText(now - lastSeen)} ago`,
      heardOf === undefined ? 'nobody' : `${heardOf.by} ${ageText(now - heardOf.at)} ago (${heardOf.path})`,
    ]
  })
  return { headings: ['away', 'since', 'ran', 'last heard', 'last reached by'], rows }
}

function healthCell(node: ShownNode | undefined): Cell {
  const critical = node?.health.filter(({ severity }) => severity === 'critical').length ?? 0
  const others = (node?.health.length ?? 0) - critical
  if (critical + others === 0) return { text: node?.report === undefined ? '-' : 'ok', tone: 'dim' }
  return critical > 0 ? { text: `${critical} critical`, tone: 'bad' } : { text: `${others} to see`, tone: 'warn' }
}

export function nodeTable(items: readonly Presented[], fleet: readonly ShownNode[], now: number): TableOf {
  const rows = (items as readonly Presented<'Node'>[]).map((item): Row => {
    const node = fleet.find(({ name }) => name === item.metadata.name)
    return [
      item.metadata.name,
      item.spec.network,
      stateCell(node),
      node === undefined ? '-' : ageText(now - node.since),
      heardCell(node, now),
      (item.status.addresses ?? []).join(',') || '-',
      revisionCell(node),
      node?.report === undefined ? '-' : `${node.report.peersReachable}/${node.report.peersTotal}`,
      healthCell(node),
      labelsText(item.spec.labels),
    ]
  })
  return {
    headings: ['name', 'network', 'state', 'since', 'last heard', 'addresses', 'revision', 'peers', 'health', 'labels'],
    rows,
  }
}

export function networkTable(items: readonly Presented[]): TableOf {
  return {
    headings: ['name', 'cidr', 'cidr6', 'default', 'failover', 'programmed'],
    rows: (items as readonly Presented<'Network'>[]).map((item) => [
      item.metadata.name,
      item.spec.cidr,
      item.spec.cidr6 ?? '-',
      item.spec.defaultPolicy,
      item.spec.failover,
      condition(item, 'Programmed'),
    ]),
  }
}

export function policyTable(items: readonly Presented[]): TableOf {
  return {
    headings: ['name', 'network', 'tier', 'action', 'mode', 'subject', 'programmed'],
    rows: (items as readonly Presented<'Policy'>[]).map((item) => [
      item.metadata.name,
      item.spec.network,
      item.spec.tier,
      item.spec.action,
      item.spec.mode,
      subjectText(item.spec.subject),
      condition(item, 'Programmed'),
    ]),
  }
}

export function routeTable(items: readonly Presented[]): TableOf {
  return {
    headings: ['name', 'network', 'destination', 'via', 'metric', 'nat', 'ready', 'programmed'],
    rows: (items as readonly Presented<'Route'>[]).map((item) => [
      item.metadata.name,
      item.spec.network,
      item.spec.destination,
      selectorText(item.spec.via),
      String(item.spec.metric),
      item.spec.mapTo === undefined ? item.spec.nat : `${item.spec.nat} to ${item.spec.mapTo}`,
      condition(item, 'Ready'),
      condition(item, 'Programmed'),
    ]),
  }
}

export function exitTable(items: readonly Presented[]): TableOf {
  return {
    headings: ['name', 'network', 'nodes', 'via', 'when lost', 'resolvers', 'metric', 'ready', 'programmed'],
    rows: (items as readonly Presented<'Exit'>[]).map((item) => [
      item.metadata.name,
      item.spec.network,
      selectorText(item.spec.nodes),
      selectorText(item.spec.via),
      item.spec.whenLost,
      item.spec.resolvers.join(','),
      String(item.spec.metric),
      condition(item, 'Ready'),
      condition(item, 'Programmed'),
    ]),
  }
}

export function canaryTable(items: readonly Presented[], states: readonly CanaryState[]): TableOf {
  const rows = (items as readonly Presented<'Canary'>[]).map((item): Row => {
    const { finishAfterS, network, nodes, percent } = item.spec
    const first = [
      ...(percent === undefined ? [] : [`${percent} %`]),
      ...(nodes === undefined ? [] : [selectorText(nodes)]),
    ]
    const now = states.find(({ name }) => name === item.metadata.name)
    const tone = now?.state === 'stopped' ? 'bad' : now?.state === 'proven' ? 'good' : 'warn'
    const then = now?.finishInS ?? finishAfterS
    return [
      item.metadata.name,
      network,
      first.join(' of '),
      now === undefined ? { text: '-' } : { text: now.state, tone },
      now === undefined ? '-' : `${now.proven}/${now.firstTotal}`,
      now?.takenBack.map(({ check, name }) => `${name} (${check})`).join(', ') || '-',
      now?.state === 'stopped' || then === undefined ? 'when deleted' : ageText(then * 1_000),
    ]
  })
  return { headings: ['name', 'network', 'first', 'state', 'proven', 'taken back', 'all others follow'], rows }
}

function servingText({ backends, pods }: Presented<'Service'>['spec']): string {
  if (pods === undefined) return selectorText(backends)
  return `pods ${pods.namespace}/${selectorText(pods.podSelector)} behind ${selectorText(backends)}`
}

export function serviceTable(items: readonly Presented[]): TableOf {
  return {
    headings: ['name', 'network', 'addresses', 'ports', 'backends', 'ready', 'programmed'],
    rows: (items as readonly Presented<'Service'>[]).map((item) => [
      item.metadata.name,
      item.spec.network,
      (item.status.addresses ?? []).join(',') || '-',
      item.spec.ports.map(({ port, protocol }) => `${port}/${protocol}`).join(','),
      servingText(item.spec),
      condition(item, 'Ready'),
      condition(item, 'Programmed'),
    ]),
  }
}

export function tokenTable(items: readonly TokenRow[], now: number): TableOf {
  const state = (row: TokenRow): Cell => {
    if (row.revoked) return { text: 'revoked', tone: 'bad' }
    if (row.expiresAt <= now) return { text: 'expired', tone: 'dim' }
    return row.usesLeft === 0 ? { text: 'used up', tone: 'dim' } : { text: 'good', tone: 'good' }
  }
  return {
    headings: ['id', 'network', 'state', 'uses left', 'expires in', 'approval', 'labels'],
    rows: items.map((row) => [
      row.id,
      row.network,
      state(row),
      String(row.usesLeft),
      row.expiresAt <= now ? '-' : ageText(row.expiresAt - now),
      row.autoApprove ? 'by itself' : 'by hand',
      labelsText(row.labels),
    ]),
  }
}
