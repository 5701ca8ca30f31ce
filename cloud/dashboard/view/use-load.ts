// Something that is read from the hub, again whenever what it is about has changed; what was read stays until the new is there.

import { useEffect, useRef, useState } from 'preact/hooks'
import type { HoldfastError } from '../../../shared/errors.ts'
import { http } from '../app.ts'
import type { Held as Answer } from '../browser/http.ts'
import { link, relisted } from '../store.ts'

export interface Loaded<T> {
  readonly value: T | undefined
  readonly error: HoldfastError | undefined
  /** `value` is what `path` names now, and not what was read before it. */
  readonly isOfPath: boolean
}

interface Held<T> extends Omit<Loaded<T>, 'isOfPath'> {
  readonly path: string | undefined
}

/** `path` undefined: nothing is read. `about`: read again when it is another. */
export function useLoad<T>(path: string | undefined, about?: unknown): Loaded<T> {
  const [loaded, setLoaded] = useState<Held<T>>({ value: undefined, error: undefined, path: undefined })
  const isUp = link.value.state !== 'down'
  const last = useRef<{ readonly path: string; readonly held: Answer<T> } | undefined>(undefined)
  const take = (of: string, held: Answer<T>): void => {
    last.current = { path: of, held }
    setLoaded({ value: held.value, error: undefined, path: of })
  }
  useEffect(() => {
    if (path === undefined || !isUp) return undefined
    let gone = false
    http.getIfNew<T>(path, last.current?.path === path ? last.current.held : undefined).then(
      (held) => gone || take(path, held),
      (error: unknown) => gone || setLoaded((held) => ({ ...held, error: error as HoldfastError })),
    )
    return () => {
      gone = true
    }
  }, [path, about, isUp, relisted.value])
  const { error, value } = loaded
  return { value, error, isOfPath: value !== undefined && loaded.path === path }
}
