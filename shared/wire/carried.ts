// A file that somebody carries where no network leads, from a device to another one or to a hub that lost its disk: one half of
// an exchange between nodes, under a line that says what it is. Nobody has to trust the file or who carries it.

import { concat, sameBytes, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'
import { gossipFileBytesMax } from '../limits.ts'
import { createFramer, encodeFrame, type Frame } from './frames.ts'

const MAGIC = utf8('holdfast intent 1\n')
const REMEDY = 'Write it anew with `holdfast export FILE`, and copy it as it is.'

/** Whole frames go in as long as they fit; the first ones matter most. */
export function encodeCarried(frames: Iterable<Frame>): Uint8Array {
  const end = encodeFrame({ type: 'end' })
  const parts = [MAGIC]
  let bytes = MAGIC.length + end.length
  for (const frame of frames) {
    const part = encodeFrame(frame)
    if (bytes + part.length > gossipFileBytesMax) continue
    bytes += part.length
    parts.push(part)
  }
  return concat(...parts, end)
}

/** Throws `invalid` for what is no such file, or not all of one. */
export function parseCarried(file: Uint8Array): readonly Frame[] {
  if (file.length > gossipFileBytesMax || !sameBytes(file.subarray(0, MAGIC.length), MAGIC)) {
    throw new HoldfastError('invalid', 'this is no file of intent', { remedy: REMEDY })
  }
  const framer = createFramer()
  const frames = framer.push(file.subarray(MAGIC.length))
  if (framer.waiting() > 0 || frames.at(-1)?.type !== 'end') {
    throw new HoldfastError('invalid', 'the file of intent is cut off', { remedy: REMEDY })
  }
  return frames
}

/** The whole set of records in the file: a snapshot frame, deflated. Nothing of it is verified. */
export function carriedSnapshot(file: Uint8Array): Uint8Array {
  const found = parseCarried(file).find((frame) => frame.type === 'snapshot')
  if (found?.type === 'snapshot') return found.deflated
  throw new HoldfastError('invalid', 'the file of intent holds no whole set of records', { remedy: REMEDY })
}
