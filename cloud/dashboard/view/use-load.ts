// Something that is read from the hub, again whenever what it is about has changed; what was read stays until the new is there.

import { useEffect, useState } from 'preact/hooks'
import type { HoldfastError } from '../../../shared/errors.ts'
import { http } from '../app.ts'
import { link } from '../store.ts'

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
  useEffect(() => {
    if (path === undefined || !isUp) return undefined
    let gone = false
    http.get<T>(path).then(
      (value) => gone || setLoaded({ value, error: undefined, path }),
      (error: unknown) => gone || setLoaded((held) => ({ ...held, error: error as HoldfastError })),
    )
    return () => {
      gone = true
    }
  }, [path, about, isUp])
  const { error, value } = loaded
  return { value, error, isOfPath: value !== undefined && loaded.path === path }
}
