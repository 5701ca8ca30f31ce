// The policies, and one of them as text: checked while it is typed, tried on recorded flows, and saved for all or for a few first.

import { useEffect, useState } from 'preact/hooks'
import { http, notifyError } from '../app.ts'
import type { HeldPolicy } from '../model/policy-text.ts'
import { href } from '../model/route.ts'
import { mayDo } from '../model/session.ts'
import { roster, route, session, status, written } from '../store.ts'
import { Busy, Card, Empty, Trouble } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'
import { putSuggestion } from './policy-drafts.ts'
import { PolicyEditor } from './policy-editor.tsx'

/** Stands for one that has no name yet. */
const NEW = '+new'
/** A browser shows a few; thousands would be made anew with each key. */
const NAMES_SHOWN = 30

function Listing({ chosen, policies }: { readonly policies: readonly HeldPolicy[]; readonly chosen: string }) {
  return (
    <ul class="choices">
      {policies.map(({ metadata: { name }, spec: { mode, tier }, status: { programmed } }) => (
        <li key={name}>
          <a href={href('policy', { policy: name })} {...(name === chosen ? { 'aria-current': 'true' as const } : {})}>
            <strong>{name}</strong>
            <small>
              {tier}, {mode}
              {programmed === undefined ? '' : `, ${programmed} nodes`}
            </small>
          </a>
        </li>
      ))}
    </ul>
  )
}

function Suggest() {
  const [node, setNode] = useState('')
  const [busy, setBusy] = useState(false)
  const names = (roster.value?.items ?? []).map(({ name }) => name)
  const target = node || names[0] || ''
  const ask = async (): Promise<void> => {
    setBusy(true)
    try {
      const { name, yaml } = await http.get<{ name: string; yaml: string }>(
        `/api/v1/policy/suggest?node=${encodeURIComponent(target)}`,
      )
      putSuggestion(name, yaml)
      location.hash = href('policy', { policy: name })
    } catch (error) {
      notifyError(error)
    }
    setBusy(false)
  }
  return (
    <div class="stack">
      <label class="stack">
        Suggest from the flows of
        <input
          type="text"
          list="suggest-nodes"
          value={node}
          placeholder={names[0]}
          onInput={(event) => setNode(event.currentTarget.value.trim())}
        />
        <datalist id="suggest-nodes">
          {names
            .filter((name) => name.includes(node))
            .slice(0, NAMES_SHOWN)
            .map((name) => (
              <option key={name} value={name} />
            ))}
        </datalist>
      </label>
      <button type="button" class="button" disabled={busy || target === ''} onClick={() => void ask()}>
        Suggest a policy
      </button>
    </div>
  )
}

function Canaries() {
  const held = (status.value?.networks ?? []).flatMap(({ canaries, network, waiting }) =>
    canaries.map((canary) => ({ canary, network, waiting: waiting.length })),
  )
  if (held.length === 0) return null
  const finish = (name: string): void => {
    http.send('DELETE', `/api/v1/canaries/${encodeURIComponent(name)}`).catch(notifyError)
  }
  return (
    <ul class="plain-list">
      {held.map(({ canary: { firstTotal, name, proven, state }, network, waiting }) => (
        <li key={`${network}/${name}`} class="trouble calm">
          <span>
            <strong>Canary {name}</strong> ({network}): proven on {proven} of {firstTotal}, {state}.{' '}
            {waiting === 1 ? '1 node waits' : `${waiting} nodes wait`}.{' '}
            <button type="button" class="button small" onClick={() => finish(name)}>
              Let all follow
            </button>
          </span>
        </li>
      ))}
    </ul>
  )
}

export function PolicyEdit() {
  const { error, value } = useLoad<{ items: readonly HeldPolicy[] }>('/api/v1/policies', written.value['Policy'])
  const chosen = route.value.query.get('policy') ?? NEW
  const [known, setKnown] = useState<HeldPolicy | undefined>(undefined)
  const found = value?.items.find(({ metadata }) => metadata.name === chosen)
  // What the editor began with stays its base, whatever is written elsewhere meanwhile.
  useEffect(() => setKnown((held) => (held?.metadata.name === chosen ? held : found)), [chosen, found])
  if (value === undefined) {
    return error === undefined ? (
      <Busy what="Reading policies" />
    ) : (
      <Trouble title={error.message} remedy={error.remedy} />
    )
  }
  const base = known?.metadata.name === chosen ? known : found
  const mayWrite = mayDo(session.value, 'operator')
  return (
    <div class="sided">
      <Card title="Policies" id="policies" aside={<a href={href('policy', { policy: NEW })}>New</a>}>
        {value.items.length === 0 ? <Empty>None yet: the network’s default decides.</Empty> : null}
        <Listing policies={value.items} chosen={chosen} />
        {mayWrite ? <Suggest /> : null}
      </Card>
      <div class="stack-wide">
        <Canaries />
        <PolicyEditor key={chosen} name={chosen} base={base} mayWrite={mayWrite} />
      </div>
    </div>
  )
}
