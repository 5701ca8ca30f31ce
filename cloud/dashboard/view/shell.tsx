// The frame of every page: where one is, where one can go, who is signed in, and how the page stands with its hub.

import type { ComponentType } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { dismiss, signOut } from '../app.ts'
import { href, type Page, type Place } from '../model/route.ts'
import { mayDo } from '../model/session.ts'
import { spanText } from '../model/words.ts'
import { NodePage } from '../page/node.tsx'
import { NodesPage } from '../page/nodes.tsx'
import { OverviewPage } from '../page/overview.tsx'
import { door, isStale, link, notices, now, route, session, status } from '../store.ts'
import { Icon, type IconName } from './icon.tsx'
import { lazy } from './lazy.tsx'
import { Busy } from './parts.tsx'
import { SignInAgain, SignInPage } from './sign-in.tsx'
import { nextTheme, theme } from './theme.ts'

type Listed = Exclude<Page, 'node'>

interface Entry {
  readonly page: Listed
  readonly title: string
  readonly view: ComponentType
  readonly adminOnly?: true
}

const entries: readonly Entry[] = [
  { page: 'overview', title: 'Overview', view: OverviewPage },
  { page: 'nodes', title: 'Nodes', view: NodesPage },
  { page: 'map', title: 'Map', view: lazy(() => import('../page/map.tsx').then(({ MapPage }) => MapPage)) },
  {
    page: 'policy',
    title: 'Policy',
    view: lazy(() => import('../page/policy.tsx').then(({ PolicyPage }) => PolicyPage)),
  },
  { page: 'flows', title: 'Flows', view: lazy(() => import('../page/flows.tsx').then(({ FlowsPage }) => FlowsPage)) },
  { page: 'join', title: 'Join', view: lazy(() => import('../page/join.tsx').then(({ JoinPage }) => JoinPage)) },
  {
    page: 'audit',
    title: 'Audit',
    view: lazy(() => import('../page/audit.tsx').then(({ AuditPage }) => AuditPage)),
    adminOnly: true,
  },
]

function entryOf({ page }: Place): Entry | undefined {
  return entries.find((one) => one.page === (page === 'node' ? 'nodes' : page))
}

function Navigation() {
  const { place } = route.value
  const shown = entries.filter(({ adminOnly }) => adminOnly === undefined || mayDo(session.value, 'admin'))
  return (
    <nav class="nav" aria-label="Pages">
      {shown.map(({ page, title }) => {
        const isHere = place.page === page || (place.page === 'node' && page === 'nodes')
        return (
          <a key={page} href={href(page)} {...(isHere ? { 'aria-current': 'page' as const } : {})}>
            <Icon name={page satisfies IconName} />
            <span>{title}</span>
          </a>
        )
      })}
    </nav>
  )
}

const THEME_WORDS = { auto: 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark' } as const
const THEME_ICONS = { auto: 'auto', light: 'sun', dark: 'moon' } as const

function Header() {
  const { state } = link.value
  const words = { live: 'Live', polled: 'Looks now and then', connecting: 'Connecting', down: 'Not connected' }[state]
  return (
    <header class="top">
      <a class="brand" href={href('overview')}>
        <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <path d="M16 3v11M16 14c0 5-7 4-7 9M16 14c0 5 7 4 7 9M16 14v12M9 23c0 3-4 2-5 5M9 23c0 3 2 3 2 6M23 23c0 3 4 2 5 5M23 23c0 3-2 3-2 6" />
        </svg>
        Holdfast
      </a>
      <span class={`link link-${state}`} role="status">
        <span class="dot" aria-hidden="true" />
        {words}
      </span>
      <span class="spring" />
      <span class="who" title={status.value === undefined ? undefined : `Hub ${status.value.version}`}>
        {session.value?.name} <small>{session.value?.role}</small>
      </span>
      <button
        type="button"
        class="button quiet"
        aria-label={THEME_WORDS[theme.value]}
        title={THEME_WORDS[theme.value]}
        onClick={nextTheme}
      >
        <Icon name={THEME_ICONS[theme.value]} />
      </button>
      <button type="button" class="button quiet" aria-label="Sign out" title="Sign out" onClick={() => void signOut()}>
        <Icon name="out" />
      </button>
    </header>
  )
}

function Banner() {
  const { since, state, why } = link.value
  if (state !== 'down' && state !== 'polled') return null
  // Before a hub was ever heard there is nothing to be old.
  const of = since === 0 ? '' : ` since ${new Date(since).toLocaleTimeString('en-GB')}`
  return (
    <div class="banner" role="alert">
      <Icon name="alert" />
      <span>
        {state === 'polled' ? (
          <>
            <strong>Events of the hub do not come through.</strong> This page asks for what is new every half a minute;
            does a proxy between hold back the stream, or cut it?
          </>
        ) : (
          <>
            <strong>The hub is not answering{of}.</strong> What is shown is no longer live
            {since === 0 ? '' : `, and ${spanText(now.value - since)} old or older`}. Devices work on without it; this
            page tries again by itself.
          </>
        )}
        {why === undefined ? null : <small> ({why})</small>}
      </span>
    </div>
  )
}

function Notices() {
  return (
    <div class="notices" aria-live="polite">
      {notices.value.map(({ id, remedy, text, tone }) => (
        <div key={id} class={`notice notice-${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
          <Icon name={tone === 'bad' ? 'alert' : 'check'} />
          <span>
            {text}
            {remedy === undefined ? null : <small>{remedy}</small>}
          </span>
          <button type="button" class="button quiet small" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  )
}

function View({ place }: { readonly place: Place }) {
  if (place.page === 'node') return <NodePage key={place.name} name={place.name} />
  const Page = entryOf(place)?.view ?? OverviewPage
  return <Page key={place.page} />
}

function Inside() {
  const { place } = route.value
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const where = place.page === 'node' ? `node/${place.name}` : place.page
  useEffect(() => {
    document.title = `${place.page === 'node' ? place.name : (entryOf(place)?.title ?? 'Overview')} · Holdfast`
    scrollTo(0, 0)
    // Who reads by ear is told where they are; at the very first page the browser does so.
    if (first.current) first.current = false
    else main.current?.focus({ preventScroll: true })
  }, [where])
  return (
    <div class={isStale.value ? 'app stale' : 'app'}>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to the page
      </a>
      <Header />
      <Navigation />
      <main ref={main} id="main" tabIndex={-1}>
        <Banner />
        <View place={place} />
      </main>
      <Notices />
    </div>
  )
}

export function App() {
  switch (door.value) {
    case 'starting':
      return <Busy what="Asking the hub who you are" />
    case 'out':
      return <SignInPage />
    case 'in':
    case 'expired':
      return (
        <>
          <Inside />
          {door.value === 'expired' ? <SignInAgain /> : null}
        </>
      )
  }
}
