// The last steps of this node, so that a peer that is a few revisions behind gets what it lacks and not the whole. A step from
// any held set to any later one is as good as the hub's: it counts by the head that it leads to.

import { sameBytes } from '../../shared/bytes.ts'
import { gossipStepsBytesMax, gossipStepsMax } from '../../shared/limits.ts'
import { diffRecords, encodeDelta } from '../../shared/record/delta.ts'
import { compareVersion, type Version } from '../../shared/record/head.ts'
import type { RecordSet } from '../../shared/record/record.ts'
import type { Held } from '../trust/accept.ts'
import type { Taken } from '../trust/intake.ts'
import { rootHalf } from './state.ts'

interface Step {
  readonly from: Version
  readonly root: Uint8Array
  readonly to: Version
  readonly put: RecordSet
  readonly del: readonly string[]
  readonly bytes: number
}

export interface Steps {
  note(taken: Pick<Taken, 'accepted' | 'before'>): void
  /** A delta frame from there to `held`; undefined where the steps between are not kept, or another set was held there. */
  from(version: Version, root: Uint8Array, held: Held): Uint8Array | undefined
}

function stepOf(before: Held, { change, next }: Taken['accepted']): Step {
  const { del, put } =
    change.del === 'all' ? diffRecords(before.records, next.records) : { put: change.put, del: change.del }
  const bytes = [...put].reduce((sum, [id, record]) => sum + id.length + record.length, del.join().length)
  return { from: before.version, root: rootHalf(before), to: next.version, put, del, bytes }
}

export function createSteps(): Steps {
  let steps: Step[] = []

  return {
    note({ accepted, before }) {
      // Another epoch is another history: whoever comes from there needs the whole.
      if (before === undefined || before.version.epoch !== accepted.next.version.epoch) {
        steps = []
        return
      }
      steps.push(stepOf(before, accepted))
      let bytes = steps.reduce((sum, step) => sum + step.bytes, 0)
      while (steps.length > gossipStepsMax || bytes > gossipStepsBytesMax) bytes -= steps.shift()?.bytes ?? 0
    },
    from(version, root, held) {
      const at = steps.findIndex((step) => compareVersion(step.from, version) === 0 && sameBytes(step.root, root))
      const last = steps.at(-1)
      if (at < 0 || last === undefined || compareVersion(last.to, held.version) !== 0) return undefined
      const put = new Map<string, Uint8Array>()
      const del = new Set<string>()
      for (const step of steps.slice(at)) {
        for (const id of step.del) {
          put.delete(id)
          del.add(id)
        }
        for (const [id, record] of step.put) {
          put.set(id, record)
          del.delete(id)
        }
      }
      return encodeDelta({ from: version, to: held.version, put, del: [...del] }, held.envelope)
    },
  }
}
