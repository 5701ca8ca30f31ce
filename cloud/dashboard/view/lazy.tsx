// A page that is fetched when somebody goes there; the hub may have another build by then.

import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Busy, Trouble } from './parts.tsx'

export function lazy(load: () => Promise<ComponentType>): ComponentType {
  let loaded: ComponentType | undefined
  return function Lazy() {
    const [Page, setPage] = useState<ComponentType | undefined>(() => loaded)
    const [failed, setFailed] = useState(false)
    useEffect(() => {
      if (Page !== undefined) return
      load().then(
        (page) => {
          loaded = page
          return setPage(() => page)
        },
        () => setFailed(true),
      )
    }, [Page])
    if (Page !== undefined) return <Page />
    if (!failed) return <Busy what="Loading the page" />
    return (
      <Trouble
        title="This page could not be loaded"
        remedy="The hub does not answer, or was updated meanwhile: reload."
      >
        <button type="button" class="button" onClick={() => location.reload()}>
          Reload
        </button>
      </Trouble>
    )
  }
}
