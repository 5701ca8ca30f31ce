// The short cut in the kernel (bpf/relay.bpf.c): a cache of the nft table's whole sessions, so that whatever becomes of it,
// the table carries on. It is loaded by `holdfast-bpf` and hung up by `tc`, and outlives this process as the table does. In
// front of it, where drivers take it, is the one at XDP (bpf/relay-xdp.bpf.c), which goes by what the one at tc remembers.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { commandsBy } from '../host/command.ts'
import type { Forward } from '../relay/forwarder.ts'
import type { RulesetOptions } from '../relay/ruleset.ts'
import {
  readShortcut,
  renderShortcutChange,
  type ShortcutCount,
  type ShortcutEnds,
  shortcutEndsOf,
} from '../relay/shortcut.ts'
import { type ShortcutProgram, shortcutDevices, shortcutPlaces, shortcutPreference } from '../relay/shortcut-filters.ts'
import { readXdp, whyNoXdp, type XdpStanding } from '../relay/shortcut-xdp.ts'
import { findBpfProgram, ownPins } from './bpf-program.ts'
import { hangUp, type Place, takeDown } from './clsact.ts'
import type { Run } from './command.ts'

export interface ShortcutOptions extends RulesetOptions {
  readonly run: Run
  readonly clock: Clock
  readonly log: Log
  /** Where `holdfast-bpf` is. */
  readonly program: string
}

/** All that it does throws where the kernel does not take it. */
export interface Shortcut {
  /** As from now on it is; what stands already and is wanted goes on, with its counters. */
  start(wanted: Iterable<Forward>): Promise<void>
  change(wanted: Iterable<Forward>): Promise<void>
  counts(): Promise<ReadonlyMap<string, ShortcutCount>>
}

/** A device that went and came back, as modems do, gets its filter again within so long of binds. */
const HANG_MS = 60_000

function placeOf(device: string): Place {
  return { device, direction: 'ingress', preference: shortcutPreference }
}

/** Takes the short cut out of the kernel, whoever put it there; the table has the packets then. */
export async function removeShortcut(run: Run): Promise<void> {
  const ours = ownPins('relay')
  const devices = await shortcutDevices(commandsBy(run)).catch((error: unknown) => {
    // Where `tc` is missing or another's, and nothing is pinned, nobody has hung anything up.
    if (ours.length === 0 || isHoldfastError(error, 'unsupported')) return []
    throw error
  })
  for (const device of devices) await takeDown(run, placeOf(device))
  for (const path of ours) rmSync(path, { recursive: true, force: true })
}

/** Hangs up the programs at XDP, and says of each device what came of it; never throws, for the short cut does without them. */
function createQuick({ log, program, run }: Pick<ShortcutOptions, 'log' | 'program' | 'run'>) {
  /** What had an address of an end since this process began: drivers start anew when the first program comes or the last goes. */
  const wanted = new Set<string>()
  let said = ''
  /** Devices that take no frames even with the program: they are not asked again. */
  let vain = ''

  return async (places: ReadonlyMap<string, ShortcutProgram>): Promise<void> => {
    for (const [device, which] of places) if (which === 'ether') wanted.add(device)
    const input = [...wanted].sort().map((device) => `${device}\n`)
    if (input.join('') === vain) return
    let standing: XdpStanding = new Map()
    let text = ''
    try {
      standing = readXdp(await run(program, ['relay', 'hang'], { input: input.join('') }))
      text = [...standing].map(([device, state]) => `${device}: ${whyNoXdp(state) ?? 'XDP'}`).join('; ')
    } catch (error) {
      text = describeError(error)
    }
    if ([...standing.values()].includes('vain')) vain = input.join('')
    if (text !== said) log.info('how the short cut of relayed packets begins', { devices: text })
    said = text
  }
}

export function createShortcut({ clock, log, program, range, run, ...rates }: ShortcutOptions): Shortcut {
  const { sessionBytesPerSecond, totalBytesPerSecond } = rates
  const command = commandsBy(run)
  const quicken = createQuick({ log, program, run })
  let standing: ShortcutEnds = new Map()
  let pins = ''
  let locals: ReadonlySet<string> = new Set()
  let hungAtMs = Number.NEGATIVE_INFINITY

  const counts = async (): Promise<ReadonlyMap<string, ShortcutCount>> =>
    readShortcut(await run(program, ['relay', 'list']))

  const load = async (): Promise<void> => {
    const words = [2 * range.count, Math.round(sessionBytesPerSecond), Math.round(totalBytesPerSecond)].map(String)
    pins = (await run(program, ['relay', 'load', ...words])).trim()
    standing = new Map([...(await counts())].map(([key, { to }]) => [key, to]))
    hungAtMs = Number.NEGATIVE_INFINITY
  }

  /** Undefined where it is not time yet. */
  const hang = async (wanted: readonly Forward[]): Promise<ReadonlyMap<string, ShortcutProgram> | undefined> => {
    const now = new Set(wanted.flatMap(({ ends }) => ends.flatMap((end) => (end === undefined ? [] : [end.local]))))
    const isNew = [...now].some((local) => !locals.has(local))
    if (!isNew && clock.monotonic() - hungAtMs < HANG_MS) return undefined
    const places = await shortcutPlaces(command, now)
    const tries = [...places].map(
      async ([device, which]) => await hangUp(run, { ...placeOf(device), pin: join(pins, which) }),
    )
    const refused = (await Promise.allSettled(tries)).filter(({ status }) => status === 'rejected')
    // One that goes away at this moment is no reason to do without; packets of devices without a filter go by the table.
    if (refused.length > 0 && refused.length === places.size) await Promise.all(tries)
    locals = now
    hungAtMs = clock.monotonic()
    return places
  }

  const write = async (after: ShortcutEnds): Promise<void> => {
    const input = renderShortcutChange(standing, after)
    if (input !== '') await run(program, ['relay', 'change'], { input })
    standing = after
  }

  return {
    async start(wanted) {
      const all = [...wanted]
      // First, for it throws where `tc` is none that can do this.
      const held = await shortcutDevices(command)
      await load()
      await write(shortcutEndsOf(all))
      const places = await hang(all)
      // Another version's, or of an address that is gone: no map that it reads is kept any more.
      for (const device of held) if (places?.has(device) !== true) await takeDown(run, placeOf(device))
      for (const path of ownPins('relay')) if (path !== pins) rmSync(path, { recursive: true, force: true })
      // Without a session what hangs there stays, and has no packet: the next one finds it.
      if (places !== undefined && places.size > 0) await quicken(places)
    },
    async change(wanted) {
      const all = [...wanted]
      const after = shortcutEndsOf(all)
      try {
        await write(after)
      } catch (error) {
        if (!isHoldfastError(error, 'failed')) throw error
        await load()
        await write(after)
      }
      const places = await hang(all)
      if (places !== undefined) await quicken(places)
    },
    counts,
  }
}

/** Of each device with Ethernet's link header, whether the program at XDP is there, and why not. */
export async function lookAtXdp(run: Run, program = findBpfProgram()): Promise<XdpStanding | undefined> {
  return program === undefined ? undefined : readXdp(await run(program, ['relay', 'standing']))
}

/** Why relayed packets go without it; undefined where nothing is in its way. */
export async function whyNoShortcut(run: Run, program = findBpfProgram()): Promise<string | undefined> {
  if (program === undefined) return 'this build has no holdfast-bpf'
  try {
    await run('tc', ['-V'])
    await run(program, ['relay', 'probe'])
    return undefined
  } catch (error) {
    if (error instanceof HoldfastError) return error.message
    throw error
  }
}
