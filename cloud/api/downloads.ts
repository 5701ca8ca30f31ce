// Who downloads a build now: bounded, one each, and nobody who takes nothing.

import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { downloadsMax } from '../../shared/update-limits.ts'

/** A device that takes nothing for so long has lost its link; its place is for another. */
const SILENCE_MS = 60_000

export interface Downloads {
  /** The file from byte `start` on. Throws `rate-limited` where too many download already. */
  open(node: NodeId, path: string, start: number): ReadableStream<Uint8Array>
}

export function createDownloads(clock: Clock): Downloads {
  const busy = new Map<NodeId, Readable>()
  return {
    open(node, path, start) {
      // One that begins again, because its link was lost, takes the place it had.
      busy.get(node)?.destroy()
      busy.delete(node)
      if (busy.size >= downloadsMax) {
        throw new HoldfastError('rate-limited', `${downloadsMax} devices download already`, {
          remedy: 'Try again in a minute.',
        })
      }
      const file = createReadStream(path, { start })
      busy.set(node, file)
      let heard = clock.monotonic()
      // Free at once: the file itself closes only when a disk that may be slow has answered.
      const leave = (): void => {
        if (busy.get(node) === file) busy.delete(node)
      }
      const watch = (): void => {
        if (file.destroyed) return
        if (clock.monotonic() - heard < SILENCE_MS) {
          clock.after(SILENCE_MS, watch)
          return
        }
        leave()
        file.destroy()
      }
      file.on('data', () => void (heard = clock.monotonic()))
      file.pause()
      file.once('end', leave)
      file.once('close', leave)
      clock.after(SILENCE_MS, watch)
      return Readable.toWeb(file) as ReadableStream<Uint8Array>
    },
  }
}
