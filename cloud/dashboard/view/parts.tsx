// Small parts that every page is made of.

import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Severity } from '../../../shared/health.ts'
import { clock } from '../app.ts'
import { type Presence, presenceMeanings, presenceTitles } from '../model/presence.ts'
import { Icon } from './icon.tsx'

export function PresencePill({ presence }: { readonly presence: Presence }) {
  return (
    <span class={`pill presence-${presence}`} title={presenceMeanings[presence]}>
      <span class="dot" aria-hidden="true" />
      {presenceTitles[presence]}
    </span>
  )
}

const SEVERITIES: Readonly<Record<Severity, string>> = { critical: 'Critical', warning: 'Warning', info: 'Note' }

export function SeverityPill({ severity }: { readonly severity: Severity }) {
  return (
    <span class={`pill severity-${severity}`}>
      <Icon name={severity === 'info' ? 'info' : 'alert'} />
      <span class="pill-text">{SEVERITIES[severity]}</span>
    </span>
  )
}

export function Busy({ what }: { readonly what: string }) {
  return (
    <p class="busy" role="status">
      <span class="spinner" aria-hidden="true" />
      {what} …
    </p>
  )
}

interface TroubleProps {
  readonly title: string
  readonly remedy?: string | undefined
  readonly children?: ComponentChildren
}

export function Trouble({ children, remedy, title }: TroubleProps) {
  return (
    <div class="trouble" role="alert">
      <Icon name="alert" />
      <div>
        <strong>{title}</strong>
        {remedy === undefined ? null : <p>{remedy}</p>}
        {children}
      </div>
    </div>
  )
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

interface CardProps {
  readonly title: string
  readonly id: string
  readonly class?: string
  /** Stands at the right of the title. */
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}

export function Card({ aside, children, class: more = '', id, title }: CardProps) {
  return (
    <section class={`card ${more}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  )
}

/** Copies `text`; says so for a moment. */
export function Copy({ label, text }: { readonly text: string; readonly label: string }) {
  const [done, setDone] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text)
    setDone(true)
    clock.after(1_500, () => setDone(false))
  }
  return (
    <button type="button" class="button quiet small" aria-label={label} onClick={() => void copy()}>
      <Icon name={done ? 'check' : 'copy'} />
      <span aria-live="polite">{done ? 'Copied' : 'Copy'}</span>
    </button>
  )
}
