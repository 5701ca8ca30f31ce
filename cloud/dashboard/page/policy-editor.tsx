// One policy as text. What was typed stays until it is saved or thrown away by hand: no error, no other writer and no end of a
// session takes it.

import { useEffect, useState } from 'preact/hooks'
import { HoldfastError, isHoldfastError } from '../../../shared/errors.ts'
import type { FleetReplay } from '../../policy/whatif.ts'
import { clock, http, notify, notifyError } from '../app.ts'
import {
  type Checked,
  checkPolicy,
  type HeldPolicy,
  newPolicyText,
  pathOf,
  policyText,
  textToSend,
  withCanary,
} from '../model/policy-text.ts'
import { href } from '../model/route.ts'
import { Card, Empty, Trouble } from '../view/parts.tsx'
import { drafts } from './policy-drafts.ts'
import { Conflict, Delete, Save } from './policy-save.tsx'
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

type CheckedText = Checked & { readonly text: string }

/** Of this text, or of what it was a moment ago. */
function useChecked(text: string): CheckedText | undefined {
  const [checked, setChecked] = useState<CheckedText | undefined>(undefined)
  useEffect(() => {
    const timer = clock.after(CHECK_MS, () => setChecked({ ...checkPolicy(text), text }))
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

interface Editing {
  readonly text: string
  readonly isChanged: boolean
  readonly busy: boolean
  /** Why it could not be saved, under which name. */
  readonly failed: { readonly error: HoldfastError; readonly name: string; readonly isOther: boolean } | undefined
  readonly type: (text: string) => void
  /** Goes on with what the hub has. */
  readonly take: (theirs: HeldPolicy | undefined) => void
  readonly discard: () => void
  readonly save: (canary?: { readonly percent: number }, force?: boolean) => Promise<void>
  readonly remove: () => Promise<void>
}

/** Throws `conflict` where a policy has that name. */
async function expectFree(name: string): Promise<void> {
  try {
    await http.get(pathOf(name))
  } catch (error) {
    if (isHoldfastError(error, 'not-found')) return
    throw error
  }
  throw new HoldfastError('conflict', `there is a policy ${name}`)
}

function useEditing(name: string, base: HeldPolicy | undefined): Editing {
  // What the text is compared with: what was last read or saved here, whatever is written elsewhere meanwhile.
  const [held, setHeld] = useState(base)
  const original = held === undefined ? newPolicyText : policyText(held)
  const [text, setText] = useState(() => drafts.get(name)?.text ?? original)
  const [version, setVersion] = useState(() => drafts.get(name)?.base ?? base?.metadata.resourceVersion)
  const [failed, setFailed] = useState<Editing['failed']>(undefined)
  const [busy, setBusy] = useState(false)
  const take: Editing['take'] = (theirs) => {
    drafts.drop(name)
    setFailed(undefined)
    setVersion(theirs?.metadata.resourceVersion)
    setHeld(theirs)
    setText(theirs === undefined ? newPolicyText : policyText(theirs))
    const now = theirs?.metadata.name ?? name
    if (now !== name) location.hash = href('policy', { policy: now })
  }
  const save: Editing['save'] = async (canary, force = false) => {
    const { resource } = checkPolicy(text)
    if (resource?.kind !== 'Policy') return
    setBusy(true)
    setFailed(undefined)
    const { name: saved } = resource.metadata
    const isOther = saved !== name
    const body = textToSend(text, force || isOther ? undefined : version)
    try {
      // What was begun as new, or under another name, replaces nothing that is there unless somebody says so.
      if (isOther && !force) await expectFree(saved)
      if (canary === undefined) await http.send('PUT', pathOf(saved), body)
      else await http.send('POST', '/api/v1/apply', withCanary(body, resource.spec.network, canary))
      take(await http.get<HeldPolicy>(pathOf(saved)))
      notify('good', `${saved} is saved; devices acknowledge it one by one`)
    } catch (error) {
      setFailed({ error: error as HoldfastError, name: saved, isOther })
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
    discard: () => take(held),
    save,
    async remove() {
      try {
        // Not what somebody else has made of it meanwhile.
        const query = version === undefined ? '' : `?resourceVersion=${encodeURIComponent(version)}`
        await http.send('DELETE', `${pathOf(name)}${query}`)
        drafts.drop(name)
        location.hash = href('policy', { tab: 'edit' })
      } catch (error) {
        notifyError(error)
      }
    },
  }
}

function Failure({ editing: { failed, save, take } }: { readonly editing: Editing }) {
  if (failed === undefined) return null
  const { error, name } = failed
  if (error.code === 'conflict') {
    const force = (): void => void save(undefined, true)
    return <Conflict name={name} isTaken={failed.isOther} onTake={take} onForce={force} />
  }
  return <Trouble title={`Not saved: ${error.message}`} remedy={error.remedy} />
}

function WhatIf({ isSound, tried: { busy, error, found } }: { readonly isSound: boolean; readonly tried: Tried }) {
  return (
    <Card title="What if" id="whatif" aside={busy ? <span class="count">trying …</span> : null}>
      {error === undefined ? null : <Trouble title={error.message} remedy={error.remedy} />}
      {!isSound ? (
        <Empty>It is tried once the text is sound.</Empty>
      ) : found === undefined ? (
        <Empty>Change something: it is tried on the flows of the last 7 days before anything is saved.</Empty>
      ) : (
        <>
          <p role="status">{replaySummary(found)}</p>
          <ReplayTable labelledBy="whatif" of={found} />
        </>
      )}
    </Card>
  )
}

export function PolicyEditor({ base, mayWrite, name }: EditorProps) {
  const editing = useEditing(name, base)
  const { busy, discard, isChanged, remove, save, text, type } = editing
  const checked = useChecked(text)
  const isSound = checked?.resource !== undefined
  const tried = useTried(text, isSound && checked.text === text && mayWrite && (isChanged || base === undefined))
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
        <Failure editing={editing} />
        {mayWrite ? (
          <div class="commands">
            <Save disabled={!isSound || busy || (!isChanged && !isNew)} onSave={(canary) => void save(canary)} />
            <button type="button" class="button" disabled={!isChanged} onClick={discard}>
              Discard changes
            </button>
            <span class="spring" />
            {isNew ? null : <Delete onDelete={() => void remove()} />}
          </div>
        ) : (
          <p class="hint">You are a viewer: operators edit policies.</p>
        )}
      </Card>
      {mayWrite ? <WhatIf isSound={isSound} tried={tried} /> : null}
    </>
  )
}
