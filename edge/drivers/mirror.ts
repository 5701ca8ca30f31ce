// Copies of the mesh's packets, by nft at the mesh's device, and by a program at the one they go to, which gives them the link
// header that the mesh has not (bpf/mirror.bpf.c). Header before copies, and away after them: nobody reads half of either.

import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import * as v from 'valibot'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { MirrorDriver, MirrorPackets, MirrorWish } from '../mirror/doors.ts'
import { checkDevice, checkRoutes } from '../mirror/target.ts'
import { mirrorTableName } from '../plan/nft-mirror.ts'
import { hangingAt, hangUp, takeDown } from './clsact.ts'
import type { Run } from './command.ts'

/** Next to those of the relay and of policy. */
const PREFERENCE = 0x4868
const PROGRAM = 'hf_mirror_frame'
const CLEAR = `add table netdev ${mirrorTableName}\ndelete table netdev ${mirrorTableName}\n`

const qdiscs = v.array(v.object({ kind: v.string(), dev: v.optional(v.string()) }))

async function list(run: Run): Promise<string | undefined> {
  try {
    return await run('nft', ['list', 'table', 'netdev', mirrorTableName])
  } catch (error) {
    if (isHoldfastError(error, 'failed') && error.message.includes('No such file')) return undefined
    throw error
  }
}

/** What does not change by itself. */
function still(listing: string): string {
  return listing.replaceAll(/packets \d+ bytes \d+/g, 'packets')
}

function packetsOf(listing: string): MirrorPackets {
  const of = (counter: string): number =>
    Number(new RegExp(`counter ${counter} \\{\\s+packets (\\d+)`).exec(listing)?.[1] ?? 0)
  return { copied: of('copied'), spared: of('spared') }
}

async function removeTable(run: Run): Promise<void> {
  if ((await list(run)) !== undefined) await run('nft', ['-f', '-'], { input: CLEAR })
}

/** Takes everything away, whoever put it there. */
export async function removeMirror(run: Run): Promise<void> {
  await removeTable(run)
  // No `tc`: then nothing hangs there.
  const text = await run('tc', ['-j', 'qdisc', 'show']).catch(() => '')
  const hooked = parseWith(qdiscs, JSON.parse(text.trim() === '' ? '[]' : text)).flatMap(({ dev, kind }) =>
    kind === 'clsact' && dev !== undefined ? [dev] : [],
  )
  for (const device of new Set(hooked)) {
    if (!(await hangingAt(run, device, 'egress')).includes(PROGRAM)) continue
    await takeDown(run, { device, direction: 'egress', preference: PREFERENCE })
  }
}

/** `program`: where holdfast-bpf is; undefined where this build has none. */
export function createMirrorDriver(run: Run, program: string | undefined): MirrorDriver {
  /** What was set last, and what the kernel made of it. */
  let known: { readonly ruleset: string; readonly listing: string } | undefined

  const giveHeader = async (to: string): Promise<void> => {
    if ((await hangingAt(run, to, 'egress')).includes(PROGRAM)) return
    if (program === undefined) {
      throw new HoldfastError('unsupported', 'this build has no holdfast-bpf, and copies would have no link header', {
        remedy: 'Use a build of a release, or make one where clang is.',
      })
    }
    try {
      const pin = (await run(program, ['mirror', 'pin'])).trim()
      await hangUp(run, { device: to, direction: 'egress', preference: PREFERENCE, pin })
      // The filter holds it from now on.
      rmSync(dirname(pin), { recursive: true, force: true })
    } catch (error) {
      throw new HoldfastError('unsupported', `copies have no link header: ${describeError(error)}`, {
        remedy: 'Use a kernel of 5.10 or later with cls_bpf (NET_CLS_BPF) and NET_SCH_INGRESS, and iproute2.',
        cause: error,
      })
    }
  }

  const setTable = async ({ ruleset }: MirrorWish): Promise<string> => {
    known = undefined
    try {
      await run('nft', ['-f', '-'], { input: CLEAR + ruleset })
    } catch (error) {
      throw new HoldfastError('unsupported', `nothing is copied: ${describeError(error)}`, {
        remedy: 'Use Linux 5.16 or later with NFT_DUP_NETDEV, and nft 1.0.1 or later.',
        cause: error,
      })
    }
    const listing = (await list(run)) ?? ''
    known = { ruleset, listing: still(listing) }
    return listing
  }

  const keep = async (wish: MirrorWish): Promise<MirrorPackets> => {
    const { interface: mesh, to } = wish
    checkDevice(await run('ip', ['-d', '-j', 'address', 'show']), to, mesh)
    checkRoutes(await run('ip', ['-j', 'route', 'show', 'table', 'all', 'dev', to]), to)
    await giveHeader(to)
    const listing = await list(run)
    const stands = listing !== undefined && known?.ruleset === wish.ruleset && known.listing === still(listing)
    return packetsOf(stands ? listing : await setTable(wish))
  }

  return {
    async keep(wish) {
      try {
        return await keep(wish)
      } catch (error) {
        known = undefined
        await removeTable(run)
        throw error
      }
    },
    async remove() {
      known = undefined
      await removeMirror(run)
    },
  }
}
