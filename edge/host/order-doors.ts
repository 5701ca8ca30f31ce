// What an order to update needs of this host: the release keys, the slots, and a way to the hub.

import { rmSync } from 'node:fs'
import { arch } from 'node:process'
import * as v from 'valibot'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { parseReleaseKeys } from '../../shared/release/keys.ts'
import type { Download } from '../enrol/download.ts'
import { objectionTo, updatable } from '../update/candidate.ts'
import type { UpdateDoors } from '../update/doors.ts'
import type { OrderDoors } from '../update/order-doors.ts'
import { otherSlot } from '../update/slot.ts'
import type { RunCommand } from './command.ts'
import { clearFetched, contentOf, fetchBuild } from './fetch-build.ts'
import { type Asking, createDownload } from './hub-bus.ts'
import { layBuild } from './lay-build.ts'
import type { StateLock } from './lock.ts'
import { lockBuilds } from './lock-builds.ts'
import type { HostProbe } from './probe.ts'
import { type HomeFiles, homeFiles } from './program-home.ts'
import { type Settings, updateSpreadOf } from './settings.ts'

interface OrderHost {
  readonly update: UpdateDoors
  readonly settings: Settings
  readonly run: RunCommand
  readonly probe: Pick<HostProbe, 'freeBytes'>
  readonly log: Log
  readonly download: (file: { readonly sha256: string; readonly from: number }) => Promise<Download>
}

/** Somebody who updates by hand is done soon. */
function lockForNow(home: HomeFiles, log: Log): StateLock {
  try {
    return lockBuilds(home, log)
  } catch (cause) {
    throw new HoldfastError('failed', describeError(cause), { cause })
  }
}

const keptSchema = v.strictObject({
  envelope: v.pipe(v.string(), v.base64()),
  refused: v.optional(v.string()),
  done: v.optional(v.boolean()),
})

function openOrderDoors({ download, log, probe, run, settings, update }: OrderHost): OrderDoors {
  const home = homeFiles(update.home)
  const freeBytes = (path: string): number | undefined => probe.freeBytes(path)
  return {
    target: `linux-${arch}`,
    spreadMs: updateSpreadOf(settings) * 1_000,
    releaseKeys() {
      const text = readIfThere(settings.releaseKeys)
      return text === undefined ? undefined : parseReleaseKeys(text)
    },
    kept() {
      const text = readIfThere(home.order)
      if (text === undefined) return undefined
      const { envelope, ...rest } = parseWith(keptSchema, JSON.parse(text))
      return { ...rest, envelope: fromBase64(envelope) }
    },
    keep({ envelope, ...rest }) {
      writeAtomic(home.order, `${JSON.stringify({ ...rest, envelope: toBase64(envelope) })}\n`)
    },
    fetch: (file) => fetchBuild({ directory: home.versions, download, file: contentOf(file), freeBytes }),
    async lay(path, { downgrade, version }) {
      const lock = lockForNow(home, log)
      const place = { version: update.runs.version, layout: updatable.layout, refused: update.read().update.refused }
      try {
        const laid = await layBuild({
          file: path,
          home,
          slot: otherSlot(update.runs.slot),
          arch,
          run,
          freeBytes,
          // It was compared with the manifest when it was fetched.
          judgeFile: () => undefined,
          judge(candidate, { build }) {
            if (candidate.version !== version)
              throw new HoldfastError(
                'untrusted',
                `the file calls itself ${candidate.version}, and its manifest says ${version}`,
              )
            const objection = objectionTo(candidate, build, place, { downgrade })
            if (objection !== undefined) throw objection
          },
        })
        rmSync(path, { force: true })
        return laid
      } finally {
        lock.release()
      }
    },
    clear: () => clearFetched(home.versions),
  }
}

/** What is handed to the agent, with the way to carry out orders where it could be updated and people will have it. */
export function withOrders<H extends { readonly update: UpdateDoors | undefined }>(
  handed: H,
  options: Omit<OrderHost, 'update' | 'download'> & Pick<Asking, 'clock' | 'files'>,
  store: Asking['store'],
  out: Asking['out'],
): H {
  const { update } = handed
  if (update === undefined || options.settings.hubUpdates === 'off') return handed
  const download = createDownload({ ...options, store, out })
  return { ...handed, update: { ...update, orders: openOrderDoors({ ...options, update, download }) } }
}
