// Signing in with a token, or as somebody else's directory has it. A session that ended is begun anew over the page, which stays
// as it was.

import { useEffect, useRef, useState } from 'preact/hooks'
import type { HoldfastError } from '../../../shared/errors.ts'
import { signIn } from '../app.ts'
import { leavePlace } from '../browser/place.ts'
import { loginWays } from '../store.ts'
import { Trouble } from './parts.tsx'

function TokenForm({ id }: { readonly id: string }) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<HoldfastError | undefined>(undefined)
  const field = useRef<HTMLInputElement>(null)
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    const token = field.current?.value.trim() ?? ''
    if (token === '') return field.current?.focus()
    setBusy(true)
    setError(undefined)
    try {
      await signIn(token)
    } catch (cause) {
      setError(cause as HoldfastError)
      setBusy(false)
      field.current?.select()
    }
  }
  const { oidc } = loginWays.value
  return (
    <form class="sign-in" onSubmit={(event) => void submit(event)}>
      <label for={id}>Access token</label>
      <input
        ref={field}
        id={id}
        name="token"
        type="password"
        autoComplete="current-password"
        spellcheck={false}
        required
        aria-describedby={`${id}-help`}
      />
      {error === undefined ? null : <Trouble title={`Not signed in: ${error.message}`} remedy={error.remedy} />}
      <button type="submit" class="button primary" disabled={busy}>
        {busy ? 'Signing in …' : 'Sign in'}
      </button>
      {oidc === undefined ? null : (
        <a class="button" href="/api/v1/session/oidc" onClick={leavePlace}>
          Sign in with {oidc.name}
        </a>
      )}
      <p id={`${id}-help`} class="hint">
        An administrator makes tokens with <code>holdfast-hub access create</code>. The hub’s first start printed one.
      </p>
    </form>
  )
}

export function SignInPage() {
  return (
    <main class="door">
      <div class="card">
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <path d="M16 3v11M16 14c0 5-7 4-7 9M16 14c0 5 7 4 7 9M16 14v12M9 23c0 3-4 2-5 5M9 23c0 3 2 3 2 6M23 23c0 3 4 2 5 5M23 23c0 3-2 3-2 6" />
        </svg>
        <h1>Holdfast</h1>
        <p class="lead">Sign in to see your fleet.</p>
        <TokenForm id="token" />
      </div>
    </main>
  )
}

export function SignInAgain() {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="again" onCancel={(event) => event.preventDefault()}>
      <h2 id="again">Your session has ended</h2>
      <p>Sign in again: the page behind stays as it is, with what you typed.</p>
      <TokenForm id="token-again" />
    </dialog>
  )
}
