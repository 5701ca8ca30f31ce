// Which step of a renumbering may follow which, and whom it waits for. Pure.
//
// A device knows the old block alone, both, or the new one alone; two of them talk unless one knows only the old one and the
// other only the new one: those two are never out at once. So the network turns when all have acknowledged both blocks, and lets
// the old one go when all have proven that they turned: before that, one may still go back to where it knew the old one alone.

import { HoldfastError } from '../../shared/errors.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { names } from '../fleet/names.ts'
import { understandsRenumbering, wordFor } from '../fleet/renumbering-condition.ts'
import type { Status } from '../fleet/status.ts'
import type { Change } from './intents.ts'

export interface RenumberingWorld {
  /** Members that the step after this one waits for; undefined where the network is not published as it is. */
  readonly missing: () => readonly string[] | undefined
  /** Members whose agent has not said that it understands. */
  readonly unable: () => readonly string[]
}

type Refuse = (message: string, remedy: string, field?: string) => never

function sameBlocks(a: NetworkSpec, b: NetworkSpec): boolean {
  return a.cidr === b.cidr && a.cidr6 === b.cidr6
}

function isTurned(before: NetworkSpec, after: NetworkSpec): boolean {
  const [was, is] = [before.renumber, after.renumber]
  const four =
    was?.cidr === undefined ? before.cidr === after.cidr : was.cidr === after.cidr && is?.cidr === before.cidr
  const six =
    was?.cidr6 === undefined ? before.cidr6 === after.cidr6 : was.cidr6 === after.cidr6 && is?.cidr6 === before.cidr6
  return (
    four &&
    six &&
    (was?.cidr === undefined) === (is?.cidr === undefined) &&
    (was?.cidr6 === undefined) === (is?.cidr6 === undefined)
  )
}

function without(list: readonly string[], ...specs: readonly NetworkSpec[]): readonly string[] {
  const left = new Set<string>(specs.flatMap(({ renumber }) => renumber?.without ?? []))
  return list.filter((name) => !left.has(name))
}

function awaitAll(before: NetworkSpec, after: NetworkSpec, world: RenumberingWorld, refuse: Refuse): void {
  const missing = world.missing()
  if (missing === undefined) refuse('the step before is not published yet', 'Try again in a moment.')
  const waited = without(missing ?? [], before, after)
  if (waited.length === 0) return
  const [is, until] =
    before.renumber?.step === 'Switch'
      ? ['proven', 'they have been here and have watched it (half a minute, or what their confirmS says)']
      : ['acknowledged', 'they have been here']
  refuse(
    `the step before is not ${is} by ${names(waited)}`,
    `Wait until ${until}, or leave them behind: --without NAME, spec.renumber.without. Who is left behind keeps its keys and hears of the rest from the hub.`,
  )
}

function begin(before: NetworkSpec, after: NetworkSpec, world: RenumberingWorld, refuse: Refuse): void {
  if (after.renumber?.step !== 'Prepare' || !sameBlocks(before, after)) {
    refuse(
      'a renumbering begins with step: Prepare',
      'Leave cidr and cidr6 as they are, and name the new blocks in renumber.',
    )
  }
  const unable = without(world.unable(), after)
  if (unable.length === 0) return
  refuse(
    `agents that do not know how to be renumbered, or were never heard: ${names(unable)}`,
    'Update their agents first, or leave them behind with --without NAME: they stay at the revision they have until then.',
  )
}

/** Throws `conflict` where the step can't be taken now. `network`: its name. */
export function checkRenumbering(
  network: string,
  before: NetworkSpec | undefined,
  after: NetworkSpec,
  world: RenumberingWorld,
): void {
  const refuse: Refuse = (message, remedy, field = 'renumber') => {
    throw new HoldfastError('conflict', message, { field: `Network/${network} spec.${field}`, remedy })
  }
  const [was, is] = [before?.renumber?.step, after.renumber?.step]
  if (before === undefined) {
    if (is !== undefined) refuse('a new network has nothing to be renumbered', 'Leave renumber out.')
    return
  }
  if (was === undefined) {
    if (is !== undefined) begin(before, after, world, refuse)
    return
  }
  if (is === undefined) {
    if (!sameBlocks(before, after)) {
      refuse('a block can not change as a renumbering ends', 'Take the steps one after the other.', 'cidr')
    }
    // Nobody has gone further than to hold both: whoever has the old block alone is understood.
    if (was !== 'Prepare') awaitAll(before, after, world, refuse)
    return
  }
  if (was === is) {
    const [{ cidr, cidr6 }, { cidr: four, cidr6: six }] = [before.renumber ?? {}, after.renumber ?? {}]
    if (!sameBlocks(before, after) || cidr !== four || cidr6 !== six) {
      refuse(
        'the network is being renumbered already',
        'End that with `holdfast-hub renumber finish` or `abort` first.',
      )
    }
    return
  }
  const isStep =
    (was === 'Prepare' && is === 'Switch') ||
    (was === 'Switch' && is === 'Return') ||
    (was === 'Return' && is === 'Switch')
  if (!isStep || !isTurned(before, after)) {
    refuse(
      `${was} is not followed by ${is} with these blocks`,
      'From Prepare to Switch and back the blocks change places.',
    )
  }
  if (was === 'Prepare') awaitAll(before, after, world, refuse)
}

/** Throws where a network among them can't take its step. */
export function checkSteps(
  { members, missing }: Pick<Status, 'members' | 'missing'>,
  changes: readonly Change[],
): void {
  for (const { after, before } of changes) {
    if (after === before || after?.resource.kind !== 'Network') continue
    const { metadata, spec } = after.resource
    const { name } = metadata
    const was = before?.resource.kind === 'Network' ? before.resource.spec : undefined
    checkRenumbering(name, was, spec, {
      missing: () => missing(name, was?.renumber?.step),
      unable: () =>
        members(name).flatMap((one) => (understandsRenumbering(one, wordFor(spec)) === true ? [] : [one.name])),
    })
  }
}
