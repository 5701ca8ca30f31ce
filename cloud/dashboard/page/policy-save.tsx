// How an edited policy is saved, for all or for a few first, and what to do where somebody else wrote it meanwhile; and how one is
// deleted: never by one slip of a finger.

import { useEffect, useState } from 'preact/hooks'
import { http, notifyError } from '../app.ts'
import { type HeldPolicy, pathOf, policyText } from '../model/policy-text.ts'
import { Trouble } from '../view/parts.tsx'
import { Sure } from '../view/sure.tsx'

interface ConflictProps {
  readonly name: string
  /** It is not what was being edited. */
  readonly isTaken: boolean
  readonly onTake: (theirs: HeldPolicy) => void
  readonly onForce: () => void
}

/** Somebody else wrote it in between. */
export function Conflict({ isTaken, name, onForce, onTake }: ConflictProps) {
  const [theirs, setTheirs] = useState<HeldPolicy | undefined>(undefined)
  useEffect(() => {
    http.get<HeldPolicy>(pathOf(name)).then(setTheirs, notifyError)
  }, [name])
  return (
    <Trouble
      title={isTaken ? `There is a policy ${name} already` : 'Somebody else has written this policy meanwhile'}
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
      {theirs === undefined ? null : (
        <pre role="region" aria-label="What they wrote" tabIndex={0}>
          {policyText(theirs)}
        </pre>
      )}
    </Trouble>
  )
}

interface SaveProps {
  readonly disabled: boolean
  readonly onSave: (canary: { readonly percent: number } | undefined) => void
}

export function Save({ disabled, onSave }: SaveProps) {
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

export function Delete({ onDelete }: { readonly onDelete: () => void }) {
  return (
    <Sure
      label="Delete"
      act="Delete it"
      question="Delete this policy?"
      warning="It decides about nothing any more, at once and everywhere."
      onAct={onDelete}
    />
  )
}
