// A file that somebody carries from one node to another, where no network leads: one half of an exchange, under a line that says
// what it is. Nobody has to trust the file or who carries it; it is verified as what comes from the hub.

import { concat, sameBytes, utf8 } from '../../shared/bytes.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { NetworkId } from '../../shared/ids.ts'
import { gossipFileBytesMax } from '../../shared/limits.ts'
import { noVersion } from '../../shared/record/head.ts'
import type { Holder } from './exchange.ts'
import { createFramer, encodeFrame, type Frame } from './frames.ts'

const MAGIC = utf8('holdfast intent 1\n')

/** Everything that this node knows: its set, whole, and the facts that fit. */
export function writeCarried(holder: Pick<Holder, 'state' | 'intentFor' | 'stamps' | 'fact'>): Uint8Array {
  const state = holder.state()
  if (state.version.revision === 0) {
    throw new HoldfastError('not-found', 'this node holds no intent yet', {
      remedy: 'Write the file on a node that does: `holdfast status` shows the revision.',
    })
  }
  const nothing = { ...state, version: noVersion, root: new Uint8Array(state.root.length) }
  const frames: Frame[] = [{ type: 'state', state, stampsFollow: false }, holder.intentFor(nothing)]
  const parts = [MAGIC, ...frames.map(encodeFrame)]
  let bytes = parts.reduce((sum, part) => sum + part.length, 0)
  for (const node of holder.stamps().keys()) {
    const envelope = holder.fact(node)
    const frame = envelope === undefined ? undefined : encodeFrame({ type: 'fact', node, envelope })
    if (frame === undefined || bytes + frame.length > gossipFileBytesMax) continue
    bytes += frame.length
    parts.push(frame)
  }
  return concat(...parts, encodeFrame({ type: 'end' }))
}

function framesOf(file: Uint8Array): readonly Frame[] {
  const remedy = 'Write it anew with `holdfast export FILE`, and copy it as it is.'
  if (file.length > gossipFileBytesMax || !sameBytes(file.subarray(0, MAGIC.length), MAGIC)) {
    throw new HoldfastError('invalid', 'this is no file of intent', { remedy })
  }
  const framer = createFramer()
  const frames = framer.push(file.subarray(MAGIC.length))
  if (framer.waiting() > 0 || frames.at(-1)?.type !== 'end') {
    throw new HoldfastError('invalid', 'the file of intent is cut off', { remedy })
  }
  return frames
}

/** True if it brought newer intent. Throws where it does not verify; what came before in it stays taken. */
export function readCarried(
  file: Uint8Array,
  holder: Pick<Holder, 'takeIntent' | 'takeFact' | 'state'>,
  network: NetworkId,
): boolean {
  const before = holder.state().version
  for (const frame of framesOf(file)) {
    try {
      if (frame.type === 'delta' || frame.type === 'snapshot') holder.takeIntent(frame.type, frame.deflated)
      else if (frame.type === 'fact') holder.takeFact(frame.node, frame.envelope)
    } catch (error) {
      const remedy = `It may be of another network than ${network}, of a hub that was rebuilt, or damaged.`
      if (!isHoldfastError(error)) throw error
      throw new HoldfastError(error.code, `the file of intent is refused: ${error.message}`, { remedy, cause: error })
    }
  }
  const after = holder.state().version
  return after.epoch !== before.epoch || after.revision !== before.revision
}
