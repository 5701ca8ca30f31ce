// Programs at the hooks of tc by clsact, for kernels without tcx, and beside filters of others.

import { isHoldfastError } from '../../shared/errors.ts'
import { commandsBy } from '../host/command.ts'
import { filtersOf } from '../relay/shortcut-filters.ts'
import type { Run } from './command.ts'

export interface Place {
  readonly device: string
  readonly direction: 'ingress' | 'egress'
  /** By which the filter is known to be ours. */
  readonly preference: number
}

export async function hangUp(
  run: Run,
  { device, direction, pin, preference }: Place & { readonly pin: string },
): Promise<void> {
  // Somebody may have it already, and then it is shared.
  await run('tc', ['qdisc', 'add', 'dev', device, 'clsact']).catch((error: unknown) => {
    if (!isHoldfastError(error, 'failed')) throw error
  })
  const filter = ['pref', String(preference), 'handle', '1', 'bpf', 'direct-action', 'object-pinned', pin]
  await run('tc', ['filter', 'replace', 'dev', device, direction, ...filter])
}

/** The hook itself stays: to make one, or to take one away, stops the device for a moment, which costs packets. */
export async function takeOff(run: Run, { device, direction, preference }: Place): Promise<void> {
  await run('tc', ['filter', 'delete', 'dev', device, direction, 'pref', String(preference)])
}

/** With the hook, unless somebody else's filters hang there. */
export async function takeDown(run: Run, place: Place): Promise<void> {
  const { device } = place
  const command = commandsBy(run)
  await takeOff(run, place)
  const left = [await filtersOf(command, device, 'ingress'), await filtersOf(command, device, 'egress')].flat()
  if (left.length === 0) await run('tc', ['qdisc', 'delete', 'dev', device, 'clsact']).catch(() => undefined)
}

/** Names of our programs that hang there; of none where `tc` or the device is missing. */
export async function hangingAt(run: Run, device: string, direction: Place['direction']): Promise<readonly string[]> {
  const found = await filtersOf(commandsBy(run), device, direction).catch(() => [])
  return found.flatMap(({ options }) => options?.prog?.name ?? [])
}
