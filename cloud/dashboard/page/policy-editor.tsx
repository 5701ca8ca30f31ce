// One policy as text. What was typed stays until it is saved or thrown away by hand: no error, no other writer and no end of a
// session takes it.

import { useEffect, useState } from 'preact/hooks'
import type { HoldfastError } from '../../../shared/errors.ts'
import type { FleetReplay } from '../../policy/whatif.ts'
import { clock, http, notify, notifyError } from '../app.ts'
import {
  type Checked,
  checkPolicy,
  type HeldPolicy,
  newPolicyText,
  policyText,
  textToSend,
  withCanary,
} from '../model/policy-text.ts'
import { href } from '../model/route.ts'
import { Card, Empty, Trouble } from '../view/parts.tsx'
import { drafts } from './policy-drafts.ts'
import { ReplayTable, replaySummary } from './replay-table.tsx'

/** After the last key, milliseconds: a check is the browser's work, a what-if is the hub's. */
const CHECK_MS = 150
const TRY_MS = 700

interface EditorProps {
  readonly name: string
  /** What the editor began with; undefined for one that is new. */
  readonly base: HeldPolicy | undefined
  readonly mayWrite: boolean
}

function useChecked(text: string): Checked | undefined {
  const [checked, setChecked] = useState<Checked | undefined>(undefined)
  useEffect(() => {
    const timer = clock.after(CHECK_MS, () => setChecked(checkPolicy(text)))
    return () => timer.cancel()
  }, [text])
  return checked
}

interface Tried {
  readonly found?: FleetReplay
  readonly error?: HoldfastError
  readonly busy: boolean
}

/** What it would do to recorded flows, of the newest text that is sound. */
function useTried(text: string, isSound: boolean): Tried {
  const [tried, setTried] = useState<Tried>({ busy: false })
  useEffect(() => {
    if (!isSound) return undefined
    let gone = false
    const timer = clock.after(TRY_MS, () => {
      setTried((held) => ({ ...held, busy: true }))
      http.send<FleetReplay>('POST', '/api/v1/policy/whatif', { policies: text }).then(
        (found) => gone || setTried({ found, busy: false }),
        (error: unknown) => gone || setTried({ error: error as HoldfastError, busy: false }),
      )
    })
    return () => {
      gone = true
      timer.cancel()
    }
  }, [text, isSound])
  return tried
}

function Verdict({ checked }: { readonly checked: Checked | undefined }) {
  if (checked === undefined) return <p class="hint">Checking …</p>
  const { error, resource } = checked
  if (error === undefined) return <p class="sound">Sound: policy {resource?.metadata.name}</p>
  const where = [error.field, error.line === undefined ? undefined : `line ${error.line}`].filter(Boolean).join(', ')
  return <Trouble title={where === '' ? error.message : `${where}: ${error.message}`} remedy={error.remedy} />
}

interface ConflictProps {
  readonly name: string
  readonly onTake: (theirs: HeldPolicy) => void
  readonly onForce: () => void
}

/** Somebody else wrote it in between. */
function Conflict({ name, onForce, onTake }: ConflictProps) {
  const [theirs, setTheirs] = useState<HeldPolicy | undefined>(undefined)
  useEffect(() => {
    http.get<HeldPolicy>(`/api/v1/policies/${encodeURIComponent(name)}`).then(setTheirs, notifyError)
  }, [name])
  return (
    <Trouble
      title="Somebody else has written this policy meanwhile"
      remedy="Yours is still in the editor. Theirs is below: take over what you need."
    >
      <div class="commands">
        <button
          type="button"
          class="button"
          disabled={theirs === undefined}
          onClick={() => theirs !== undefined && onTake(theirs)}
        >
          Throw mine away, take theirs
        </button>
        <button type="button" class="button danger" onClick={onForce}>
          Save mine over theirs
        </button>
      </div>
      {theirs === undefined ? null : <pre aria-label="What they wrote">{policyText(theirs)}</pre>}
    </Trouble>
  )
}

interface SaveProps {
  readonly disabled: boolean
  readonly onSave: (canary: { readonly percent: number } | undefined) => void
}

function Save({ disabled, onSave }: SaveProps) {
  const [percent, setPercent] = useState(10)
  const [first, setFirst] = useState(false)
  return (
    <>
      <label class="check">
        <input type="checkbox" checked={first} onChange={(event) => setFirst(event.currentTarget.checked)} />
        Canary: first on
        <input
          type="number"
          class="narrow"
          aria-label="Per cent of the nodes that go first"
          min={1}
          max={99}
          value={percent}
          onInput={(event) => setPercent(Math.min(99, Math.max(1, event.currentTarget.valueAsNumber || 1)))}
        />
        %
      </label>
      <button
        type="button"
        class="button primary"
        disabled={disabled}
        onClick={() => onSave(first ? { percent } : undefined)}
      >
        Save
      </button>
    </>
  )
}

interface Editing {
  readonly text: string
  readonly isChanged: boolean
  readonly busy: boolean
  /** Why it could not be saved. */
  readonly failed: HoldfastError | undefined
  readonly type: (text: string) => void
  /** Goes on with what the hub has. */
  readonly take: (theirs: HeldPolicy | undefined) => void
  readonly save: (canary?: { readonly percent: number }, force?: boolean) => Promise<void>
  readonly remove: () => Promise<void>
}

function pathOf(name: string): string {
  return `/api/v1/policies/${encodeURIComponent(name)}`
}

function useEditing(name: string, base: HeldPolicy | undefined): Editing {
  const original = base === undefined ? newPolicyText : policyText(base)
  const [text, setText] = useState(() => drafts.get(name)?.text ?? original)
  const [version, setVersion] = useState(() => drafts.get(name)?.base ?? base?.metadata.resourceVersion)
  const [failed, setFailed] = useState<HoldfastError | undefined>(undefined)
  const [busy, setBusy] = useState(false)
  const take: Editing['take'] = (theirs) => {
    drafts.drop(name)
    setFailed(undefined)
    setVersion(theirs?.metadata.resourceVersion)
    setText(theirs === undefined ? newPolicyText : policyText(theirs))
  }
  const save: Editing['save'] = async (canary, force = false) => {
    const { resource } = checkPolicy(text)
    if (resource?.kind !== 'Policy') return
    setBusy(true)
    setFailed(undefined)
    const body = textToSend(text, force ? undefined : version)
    const { name: saved } = resource.metadata
    try {
      if (canary === undefined) await http.send('PUT', pathOf(saved), body)
      else await http.send('POST', '/api/v1/apply', withCanary(body, resource.spec.network, canary))
      take(await http.get<HeldPolicy>(pathOf(saved)))
      notify('good', `${saved} is saved; devices acknowledge it one by one`)
      location.hash = href('policy', { policy: saved })
    } catch (error) {
      setFailed(error as HoldfastError)
    }
    setBusy(false)
  }
  return {
    text,
    isChanged: text !== original,
    busy,
    failed,
    type(next) {
      setText(next)
      drafts.put(name, { text: next, base: version })
    },
    take,
    save,
    async remove() {
      try {
        await http.send('DELETE', pathOf(name))
        drafts.drop(name)
        location.hash = href('policy', { tab: 'edit' })
      } catch (error) {
        notifyError(error)
      }
    },
  }
}

function Failure({ editing, name }: { readonly editing: Editing; readonly name: string }) {
  const { failed, save, take } = editing
  if (failed === undefined) return null
  if (failed.code === 'conflict')
    return <Conflict name={name} onTake={take} onForce={() => void save(undefined, true)} />
  return <Trouble title={`Not saved: ${failed.message}`} remedy={failed.remedy} />
}

function WhatIf({ tried: { busy, error, found } }: { readonly tried: Tried }) {
  return (
    <Card title="What if" id="whatif" aside={busy ? <span class="count">trying …</span> : null}>
      {error === undefined ? null : <Trouble title={error.message} remedy={error.remedy} />}
      {found === undefined ? (
        <Empty>Change something: it is tried on the flows of the last 7 days before anything is saved.</Empty>
      ) : (
        <>
          <p role="status">{replaySummary(found)}</p>
          <ReplayTable label="What it would change" of={found} />
        </>
      )}
    </Card>
  )
}

export function PolicyEditor({ base, mayWrite, name }: EditorProps) {
  const editing = useEditing(name, base)
  const { busy, isChanged, remove, save, take, text, type } = editing
  const checked = useChecked(text)
  const isSound = checked?.resource !== undefined
  const tried = useTried(text, isSound && mayWrite && (isChanged || base === undefined))
  const isNew = base === undefined
  return (
    <>
      <Card
        title={isNew ? 'New policy' : name}
        id="editor"
        aside={isChanged ? <span class="count">changed, not saved</span> : null}
      >
        <label class="unseen" for="policy-text">
          Policy as YAML
        </label>
        <textarea
          id="policy-text"
          class="editor mono"
          spellcheck={false}
          readOnly={!mayWrite}
          value={text}
          onInput={(event) => type(event.currentTarget.value)}
        />
        <div aria-live="polite">
          <Verdict checked={checked} />
        </div>
        <Failure editing={editing} name={name} />
        {mayWrite ? (
          <div class="commands">
            <Save disabled={!isSound || busy || (!isChanged && !isNew)} onSave={(canary) => void save(canary)} />
            <button type="button" class="button" disabled={!isChanged} onClick={() => take(base)}>
              Discard changes
            </button>
            <span class="spring" />
            {isNew ? null : (
              <button type="button" class="button danger" onClick={() => void remove()}>
                Delete
              </button>
            )}
          </div>
        ) : (
          <p class="hint">You are a viewer: operators edit policies.</p>
        )}
      </Card>
      {mayWrite ? <WhatIf tried={tried} /> : null}
    </>
  )
}
