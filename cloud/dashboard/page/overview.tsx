// The fleet at a glance: who is there, how far the newest revision has come, what needs somebody, and what happened last.

import { useComputed } from '@preact/signals'
import { Fragment } from 'preact'
import type { RollOut } from '../../hub.ts'
import { type Attention, attentionOf } from '../model/attention.ts'
import { canaryText, rolloutParts } from '../model/hub-status.ts'
import { countPresences, expectedNodes, type Presence, presenceMeanings, presenceTitles } from '../model/presence.ts'
import { href, nodeHref } from '../model/route.ts'
import type { Moment } from '../model/timeline.ts'
import { agoText, countText, namesText, shareText, spanText, timeText, versionText } from '../model/words.ts'
import { moments, now, roster, status } from '../store.ts'
import { Busy, Card, Empty, SeverityPill } from '../view/parts.tsx'

const TILES = ['online', 'autonomous', 'unreachable', 'never-seen'] as const satisfies readonly Presence[]
const MOMENTS_SHOWN = 40
const NODES_SHOWN = 6
const SUBJECTS_SHOWN = 3

function Tiles({ counts }: { readonly counts: Readonly<Record<Presence, number>> }) {
  const total = expectedNodes(counts)
  return (
    <ul class="tiles" aria-label="Nodes by state">
      {TILES.map((presence) => (
        <li key={presence}>
          <a
            class={`tile presence-${presence}`}
            href={href('nodes', { state: presence })}
            title={presenceMeanings[presence]}
          >
            <span class="tile-count">{counts[presence].toLocaleString('en')}</span>
            <span class="tile-title">
              <span class="dot" aria-hidden="true" />
              {presenceTitles[presence]}
            </span>
            <span class="tile-share">
              {total === 0 ? 'no nodes yet' : `${shareText(counts[presence], total)} of ${total.toLocaleString('en')}`}
            </span>
          </a>
        </li>
      ))}
    </ul>
  )
}

function Rollout({ of }: { readonly of: RollOut }) {
  const parts = rolloutParts(of)
  const words = parts.filter(({ count }) => count > 0).map(({ count, title }) => `${title} ${count}`)
  return (
    <div class="rollout">
      <p>
        <strong>{of.network}</strong> <span class="mono">revision {versionText(of.version)}</span>
        <span class="aside">
          {of.acknowledged.toLocaleString('en')} of {countText(of.nodes, 'node')}
        </span>
      </p>
      <div class="bar" role="img" aria-label={words.join(', ') || 'No nodes'}>
        {parts
          .filter(({ count }) => count > 0)
          .map(({ count, key }) => (
            <span key={key} class={`part part-${key}`} style={{ flexGrow: count }} />
          ))}
      </div>
      <ul class="legend">
        {parts
          .filter(({ count, key }) => count > 0 || key === 'acknowledged')
          .map(({ count, key, names, title }) => (
            <li key={key} title={names.join(', ')}>
              <span class={`swatch part-${key}`} aria-hidden="true" />
              {title} <strong>{count.toLocaleString('en')}</strong>
              {names.length > 0 ? <small> {namesText(names)}</small> : null}
            </li>
          ))}
      </ul>
      {of.canaries.map((canary) => (
        <p key={canary.name} class={`hint canary-${canary.state}`}>
          {canaryText(canary, of.waiting.length)}
        </p>
      ))}
    </div>
  )
}

function NodeLinks({ names }: { readonly names: readonly string[] }) {
  const rest = names.length - NODES_SHOWN
  return (
    <span class="chips">
      {names.slice(0, NODES_SHOWN).map((name) => (
        <a key={name} class="chip" href={nodeHref(name)}>
          {name}
        </a>
      ))}
      {rest > 0 ? (
        <a class="chip" href={href('nodes', { trouble: '1' })}>
          {rest.toLocaleString('en')} more
        </a>
      ) : null}
    </span>
  )
}

function AttentionItem({ of: { detail, nodes, remedy, severity, since, title } }: { readonly of: Attention }) {
  return (
    <li class={`attention severity-${severity}`}>
      <SeverityPill severity={severity} />
      <div>
        <h3>{title}</h3>
        {detail === undefined ? null : <p class="detail">{detail}</p>}
        <p>{remedy}</p>
        <NodeLinks names={nodes} />
      </div>
      {since === undefined ? null : <time dateTime={new Date(since).toISOString()}>{spanText(now.value - since)}</time>}
    </li>
  )
}

function MomentItem({ of }: { readonly of: Moment }) {
  const { at, firstAt, subjects, text, texts, times, tone } = of
  const rest = subjects.length - SUBJECTS_SHOWN
  return (
    <li class={`moment tone-${tone}`}>
      <time dateTime={new Date(at).toISOString()} title={agoText(at, now.value)}>
        {timeText(at, now.value)}
      </time>
      <span class="dot" aria-hidden="true" />
      <span>
        {subjects.slice(0, SUBJECTS_SHOWN).map(({ link, name }, index) => (
          <Fragment key={name}>
            {index === 0 ? '' : ', '}
            {link === undefined ? <strong>{name}</strong> : <a href={link}>{name}</a>}
          </Fragment>
        ))}
        {rest > 0 ? ` and ${of.more ? 'at least ' : ''}${rest.toLocaleString('en')} more` : ''}{' '}
        {subjects.length > 1 ? texts : text}
        {times > 1 ? (
          <small>
            {' '}
            {times.toLocaleString('en')} times since {timeText(firstAt, now.value)}
          </small>
        ) : null}
      </span>
    </li>
  )
}

function Needs({ list }: { readonly list: readonly Attention[] }) {
  return (
    <Card title="Needs attention" id="attention" class="grow" aside={<span class="count">{list.length}</span>}>
      {list.length === 0 ? (
        <Empty>
          {roster.value?.items.length === 0 ? (
            <>
              No node is here yet: make a token under <a href={href('join')}>Join</a>, and run its command on a device.
            </>
          ) : (
            'Nothing. Every node that is there is well.'
          )}
        </Empty>
      ) : (
        <ul class="attentions">
          {list.map((one) => (
            <AttentionItem key={one.key} of={one} />
          ))}
        </ul>
      )}
    </Card>
  )
}

export function OverviewPage() {
  const list = useComputed(() => (roster.value === undefined ? [] : attentionOf(roster.value, status.value, now.value)))
  if (roster.value === undefined) return <Busy what="Reading the fleet" />
  const { items } = roster.value
  const counts = countPresences(items, now.value)
  const networks = status.value?.networks ?? []
  return (
    <>
      <h1>Overview</h1>
      <Tiles counts={counts} />
      <div class="columns">
        <div class="column wide">
          <Card title="Roll-out" id="rollout">
            {networks.length === 0 ? (
              <Empty>No network yet.</Empty>
            ) : (
              networks.map((of) => <Rollout key={of.network} of={of} />)
            )}
          </Card>
          <Needs list={list.value} />
        </div>
        <Card title="What happened" id="timeline" class="column">
          {moments.value.length === 0 ? (
            <Empty>Nothing since the hub started.</Empty>
          ) : (
            <ol class="moments">
              {moments.value.slice(0, MOMENTS_SHOWN).map((one) => (
                <MomentItem key={one.id} of={one} />
              ))}
            </ol>
          )}
        </Card>
      </div>
    </>
  )
}
