// What is to be made of an order to run another version, before a byte of it is fetched. Pure.

import type { Verify } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { type Manifest, programIn, type ReleaseFile } from '../../shared/release/manifest.ts'
import { verifyManifest } from '../../shared/release/seal.ts'
import { compareRelease } from '../../shared/release/version-order.ts'
import type { Order } from '../../shared/wire/order.ts'
import type { OrderState } from '../../shared/wire/report.ts'
import type { UpdateCase } from './case.ts'

/** The device, as far as an order has to fit it. */
export interface OrderPlace {
  /** What runs. */
  readonly version: string
  /** `linux-x64`. */
  readonly target: string
  /** Whose releases are taken here; undefined where nobody has laid any keys. */
  readonly releaseKeys: readonly Uint8Array[] | undefined
  readonly kept: Pick<UpdateCase, 'now' | 'last' | 'refused'>
}

export type Judged =
  | { readonly state: Exclude<OrderState, 'waiting' | 'fetching'>; readonly version?: string; readonly detail?: string }
  /** To be carried out. */
  | { readonly state: 'go'; readonly version: string; readonly manifest: Manifest; readonly file: ReleaseFile }

/** Said where the hub alone asks for it: a stolen hub misroutes at most, and puts no program on a device. */
const NO_KEYS = 'no release keys are laid on this device: it takes no program on the word of a hub alone'

function whyBack({ last, refused }: OrderPlace['kept'], { sha256 }: ReleaseFile): string | undefined {
  if (!refused.some((one) => one.sha256 === sha256)) return undefined
  const { failed, to } = last ?? {}
  const why = failed !== undefined && to?.sha256 === sha256 ? `: check ${failed.check}, ${failed.detail}` : ''
  return `taken back${why}`
}

export function judgeOrder(
  { downgrade = false, release }: Pick<Order, 'downgrade' | 'release'>,
  { kept, releaseKeys, target, version: runs }: OrderPlace,
  verify: Verify,
): Judged {
  if (release === undefined) return { state: 'none' }
  if (releaseKeys === undefined) return { state: 'refused', detail: NO_KEYS }
  let manifest: Manifest
  try {
    manifest = verifyManifest(release, releaseKeys, verify)
  } catch (error) {
    return { state: 'refused', detail: describeError(error) }
  }
  const { version } = manifest
  const file = programIn(manifest, 'agent', target)
  if (file === undefined) return { state: 'refused', version, detail: `release ${version} has no agent for ${target}` }
  if (version === runs) return { state: kept.now.stage === 'trial' ? 'trial' : 'done', version }
  if (!downgrade && (compareRelease(version, runs) ?? 0) < 0)
    return { state: 'refused', version, detail: `${version} is older than ${runs}, which runs` }
  const back = whyBack(kept, file)
  return back === undefined ? { state: 'go', version, manifest, file } : { state: 'refused', version, detail: back }
}

/**
 * Whether trying again may help. On the way here everything may be a matter of the link, a stranger in the way of it
 * included, but for the very file that the hub has; of what lies here only the disk and others who use the slots.
 */
export function mayPass(error: unknown, doing: 'fetch' | 'lay'): boolean {
  if (!(error instanceof HoldfastError)) return false
  return doing === 'fetch' ? error.code !== 'corrupt' : error.code === 'failed' || error.code === 'exhausted'
}
