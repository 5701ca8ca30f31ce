// A command to a device, followed until it has ended.

import { useEffect, useState } from 'preact/hooks'
import { isHoldfastError } from '../../../shared/errors.ts'
import type { NodeCommand } from '../../commands/asked.ts'
import { clock, http, notifyError } from '../app.ts'

export type Asked = Pick<NodeCommand, 'id' | 'kind' | 'state'> & Partial<NodeCommand>

const OPEN: ReadonlySet<string> = new Set(['queued', 'sent'])
const LOOK_MS = 1_000
const LOOKS_MAX = 60

export function isAsked(asked: Asked | undefined): boolean {
  return asked !== undefined && OPEN.has(asked.state)
}

export function useAsked(): readonly [Asked | undefined, (asked: Asked | undefined) => void] {
  const [asked, setAsked] = useState<Asked | undefined>(undefined)
  const id = asked?.id
  useEffect(() => {
    if (id === undefined) return undefined
    let [gone, looks] = [false, 0]
    const look = async (): Promise<void> => {
      if (gone || ++looks > LOOKS_MAX) return
      try {
        const now = await http.get<Asked>(`/api/v1/commands/${encodeURIComponent(id)}`)
        if (gone) return
        setAsked(now)
        if (OPEN.has(now.state)) clock.after(LOOK_MS, () => void look())
      } catch (error) {
        if (gone) return
        // It may well have been done: a hub that comes back knows, or asks again.
        if (isHoldfastError(error, 'unreachable')) clock.after(LOOK_MS, () => void look())
        else notifyError(error)
      }
    }
    clock.after(LOOK_MS / 4, () => void look())
    return () => {
      gone = true
    }
  }, [id])
  return [asked, setAsked]
}
