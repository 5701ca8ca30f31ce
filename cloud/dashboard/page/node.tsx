// One node: who it is, how it is, whom it reaches and how, what it ran and runs, and what may safely be asked of it.

import type { ComponentChildren } from 'preact'
import type { Presented, ShownNode } from '../../api/answers.ts'
import type { HeardOf } from '../../hub.ts'
import { clockOffMs, pathTitles } from '../model/device.ts'
import { presenceOf, stayText } from '../model/presence.ts'
import { href } from '../model/route.ts'
import { agoText, spanText, timeText, versionText } from '../model/words.ts'
import { now, roster } from '../store.ts'
import { Icon } from '../view/icon.tsx'
import { Busy, Card, Copy, Empty, PresencePill, SeverityPill, Trouble } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'
import { NodeCommands } from './node-commands.tsx'
import { NodeFlows } from './node-flows.tsx'
import { NodeHistory } from './node-history.tsx'
import { NodePeers } from './node-peers.tsx'
import { NodeTrace } from './node-trace.tsx'

function Facts({ children }: { readonly children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>
}

function Fact({ children, title }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function heardText({ at, by, path }: HeardOf): string {
  return `${by} reached it ${agoText(at, now.value)} by ${pathTitles[path]}`
}

interface DeviceProps {
  readonly device: ShownNode
}

function Identity({ device, intent }: DeviceProps & { readonly intent: Presented<'Node'> | undefined }) {
  const { addresses, deviceKey, fact, network, nodeId, report, wgKey } = device
  return (
    <Card title="Identity" id="identity">
      <Facts>
        <Fact title="Addresses">
          {addresses.map((address) => (
            <span key={address} class="mono line">
              {address} <Copy text={address} label={`Copy ${address}`} />
            </span>
          ))}
        </Fact>
        <Fact title="Labels">
          <span class="chips">
            {Object.entries(intent?.spec.labels ?? {}).map(([key, value]) => (
              <a key={key} class="chip" href={href('nodes', { search: `${key}=${value}` })}>
                {key}={value}
              </a>
            ))}
          </span>
        </Fact>
        <Fact title="Network">{network}</Fact>
        <Fact title="Behind it">{intent?.spec.advertise.join(', ') || 'no subnets'}</Fact>
        <Fact title="Relays for others">{intent?.spec.relay?.enabled === true ? 'yes' : 'no'}</Fact>
        <Fact title="Device">
          <span class="mono">{nodeId}</span>
        </Fact>
        <Fact title="WireGuard key">
          <span class="mono cut" title={wgKey}>
            {wgKey}
          </span>
        </Fact>
        <Fact title="Device key">
          <span class="mono cut" title={deviceKey}>
            {deviceKey}
          </span>
        </Fact>
        <Fact title="NAT">{fact?.natType ?? 'not told'}</Fact>
        <Fact title="Host">
          {report === undefined ? 'not told' : `${report.host.os}, ${report.host.arch}, kernel ${report.host.kernel}`}
        </Fact>
        <Fact title="WireGuard">{report?.host.wireguard ?? 'not told'}</Fact>
      </Facts>
    </Card>
  )
}

function Health({ device }: DeviceProps) {
  return (
    <Card title="Health" id="health">
      {device.health.length === 0 ? (
        <Empty>No conditions{device.state === 'online' ? '.' : ' when it was last heard.'}</Empty>
      ) : (
        <ul class="attentions">
          {device.health.map(({ code, detail, remedy, severity, since, title }) => (
            <li key={code} class={`attention severity-${severity}`}>
              <SeverityPill severity={severity} />
              <div>
                <h3>{title}</h3>
                {detail === undefined ? null : <p class="detail">{detail}</p>}
                <p>{remedy}</p>
              </div>
              <time dateTime={new Date(since).toISOString()}>{spanText(now.value - since)}</time>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

function Versions({ device }: DeviceProps) {
  const { report } = device
  if (report === undefined) return null
  const { quarantine, trial } = report.revision
  const off = clockOffMs(device)
  return (
    <Card title="Versions and clock" id="versions">
      <Facts>
        <Fact title="Agent">
          <span class="mono">{report.version}</span>, up {spanText(now.value - report.startedAt)}, boot {report.boot}
        </Fact>
        <Fact title="Revision applied">{versionText(report.revision.applied)}</Fact>
        <Fact title="Revision held">{versionText(report.revision.held)}</Fact>
        <Fact title="Last good">{versionText(report.revision.lastGood)}</Fact>
        {trial === undefined ? null : (
          <Fact title="On trial">
            {versionText(trial.version)}, {trial.secondsLeft} s left
          </Fact>
        )}
        {quarantine === undefined ? null : (
          <Fact title="Taken back">
            {versionText(quarantine.version)} {agoText(quarantine.since, now.value)}: {quarantine.check},{' '}
            {quarantine.detail}
          </Fact>
        )}
        {report.order === undefined || report.order.state === 'none' ? null : (
          <Fact title="Ordered">
            {report.order.version ?? 'another version'}: {report.order.state} {report.order.detail ?? ''}
          </Fact>
        )}
        <Fact title="Clock">
          {off === undefined
            ? 'not told'
            : Math.abs(off) < 2_000
              ? 'as the hub’s'
              : `${spanText(Math.abs(off))} ${off > 0 ? 'ahead of' : 'behind'} the hub’s, when it last spoke`}
        </Fact>
      </Facts>
    </Card>
  )
}

function Links({ device }: DeviceProps) {
  const candidates = device.fact?.candidates ?? []
  return (
    <Card title="Where it may be reached" id="links">
      {candidates.length === 0 ? (
        <Empty>It has told of no endpoint.</Empty>
      ) : (
        <ul class="plain-list">
          {candidates.map(({ endpoint, kind }) => (
            <li key={`${kind} ${endpoint}`}>
              <span class="mono">{endpoint}</span> <span class="dim">{kind}</span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

function Conditions({ intent }: { readonly intent: Presented<'Node'> | undefined }) {
  if (intent === undefined) return null
  return (
    <Card title="Intent" id="intent">
      <ul class="plain-list">
        {intent.status.conditions.map(({ lastTransitionAt, message, reason, status, type }) => (
          <li key={type}>
            <strong>{type}</strong> {status === 'True' ? 'yes' : status === 'False' ? 'no' : 'unknown'}
            <span class="dim">
              {' '}
              {reason}
              {message === '' ? '' : `: ${message}`}, {timeText(lastTransitionAt, now.value)}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  )
}

/** Figures change without events: a page that is looked at looks again with the list of all. */
export function NodePage({ name }: { readonly name: string }) {
  const line = roster.value?.items.find((one) => one.name === name)
  const path = encodeURIComponent(name)
  const isEnrolled = line !== undefined && line.state !== 'not-enrolled'
  const device = useLoad<ShownNode>(isEnrolled ? `/api/v1/fleet/${path}` : undefined, line)
  const intent = useLoad<Presented<'Node'>>(line === undefined ? undefined : `/api/v1/nodes/${path}`, line)
  if (roster.value === undefined) return <Busy what="Reading the fleet" />
  return (
    <>
      <p class="crumbs">
        <a href={href('nodes')}>
          <Icon name="back" />
          All nodes
        </a>
      </p>
      <h1>
        {name} {line === undefined ? null : <PresencePill presence={presenceOf(line, now.value)} />}
      </h1>
      {line === undefined ? (
        <Trouble title="There is no node of this name" remedy="It was deleted, or the address is misspelt." />
      ) : (
        <p class="lead">
          {stayText(line, spanText(now.value - (line.since ?? now.value)))}{' '}
          {line.state === 'online' || line.since === undefined
            ? null
            : `Last heard ${agoText(line.lastSeen, now.value)}. `}
          {line.heardOf === undefined ? null : heardText(line.heardOf)}
        </p>
      )}
      {device.error === undefined ? null : <Trouble title={device.error.message} remedy={device.error.remedy} />}
      {isEnrolled && device.value === undefined && device.error === undefined ? <Busy what="Reading the node" /> : null}
      <div class="grid">
        {device.value === undefined ? null : (
          <>
            <Health device={device.value} />
            <NodeCommands
              name={name}
              state={device.value.state}
              peers={(device.value.report?.peers ?? []).map((peer) => peer.name)}
              intent={intent.value}
            />
            <NodePeers device={device.value} />
            <NodeHistory device={device.value} />
            <NodeTrace name={name} about={line} />
            <Identity device={device.value} intent={intent.value} />
            <Versions device={device.value} />
            <Links device={device.value} />
          </>
        )}
        <Conditions intent={intent.value} />
        {line === undefined ? null : <NodeFlows name={name} about={line} />}
      </div>
    </>
  )
}
