// Something that is read from the hub, again whenever what it is about has changed; what was read stays until the new is there.

import { useEffect, useState } from 'preact/hooks'
import type { HoldfastError } from '../../../shared/errors.ts'
import { http } from '../app.ts'
import { link } from '../store.ts'

export interface Loaded<T> {
  readonly value: T | undefined
  readonly error: HoldfastError | undefined
}

/** `path` undefined: nothing is read. `about`: read again when it is another. */
export function useLoad<T>(path: string | undefined, about?: unknown): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ value: undefined, error: undefined })
  const isUp = link.value.state !== 'down'
  useEffect(() => {
    if (path === undefined || !isUp) return undefined
    let gone = false
    http.get<T>(path).then(
      (value) => gone || setLoaded({ value, error: undefined }),
      (error: unknown) => gone || setLoaded((held) => ({ value: held.value, error: error as HoldfastError })),
    )
    return () => {
      gone = true
    }
  }, [path, about, isUp])
  return loaded
}
