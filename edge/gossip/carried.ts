// Intent that somebody carries from one node to another (shared/wire/carried.ts): written from what this node holds, and taken as
// what comes from the hub is.

import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { NetworkId } from '../../shared/ids.ts'
import { noVersion } from '../../shared/record/head.ts'
import { encodeCarried, parseCarried } from '../../shared/wire/carried.ts'
import type { Frame } from '../../shared/wire/frames.ts'
import type { Holder } from './exchange.ts'

/** Everything that this node knows: its set, whole, and the facts that fit. */
export function writeCarried(holder: Pick<Holder, 'state' | 'intentFor' | 'stamps' | 'fact'>): Uint8Array {
  const state = holder.state()
  if (state.version.revision === 0) {
    throw new HoldfastError('not-found', 'this node holds no intent yet', {
      remedy: 'Write the file on a node that does: `holdfast status` shows the revision.',
    })
  }
  const nothing = { ...state, version: noVersion, root: new Uint8Array(state.root.length) }
  const facts = [...holder.stamps().keys()].flatMap((node): Frame[] => {
    const envelope = holder.fact(node)
    return envelope === undefined ? [] : [{ type: 'fact', node, envelope }]
  })
  return encodeCarried([{ type: 'state', state, stampsFollow: false }, holder.intentFor(nothing), ...facts])
}

/** True if it brought newer intent. Throws where it does not verify; what came before in it stays taken. */
export function readCarried(
  file: Uint8Array,
  holder: Pick<Holder, 'takeIntent' | 'takeFact' | 'state'>,
  network: NetworkId,
): boolean {
  const before = holder.state().version
  for (const frame of parseCarried(file)) {
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
