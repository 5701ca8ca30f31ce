// The steps of a renumbering, as the next specs of a network and of its nodes. Pure.

import { type Address, addressAt, blockOf, type Cidr, familyOf, isWithin, parseCidr, sizeOf } from '../address/cidr.ts'
import { parseIp } from '../address/ip.ts'
import { HoldfastError } from '../errors.ts'
import type { NetworkSpec } from './network.ts'
import type { RenumberPlan } from './renumber.ts'

type Blocks = Pick<NetworkSpec, 'cidr' | 'cidr6'>

function planOf({ renumber }: NetworkSpec): RenumberPlan {
  if (renumber !== undefined) return renumber
  throw new HoldfastError('conflict', 'the network is not being renumbered', {
    remedy: 'Begin with `holdfast-hub renumber start --cidr BLOCK`.',
  })
}

/** The same place in another block; undefined where it has none. */
function movedAddress(address: Address, from: Cidr, to: Cidr): Address | undefined {
  if (familyOf(address) !== familyOf(from) || !isWithin(blockOf(from), address)) return undefined
  const offset = parseIp(address).value - blockOf(from).value
  return offset < sizeOf(to) ? addressAt(to, offset) : undefined
}

function movedBlock(block: Cidr, from: Cidr | undefined, to: Cidr | undefined): Cidr {
  const [start = '', length = ''] = block.split('/')
  if (from === undefined || to === undefined || familyOf(from) !== familyOf(block)) return block
  const moved = movedAddress(start as Address, from, to)
  const after = moved === undefined ? undefined : parseCidr(`${moved}/${length}`)
  if (after !== undefined) return after
  throw new HoldfastError('invalid', `${block} of a pool has no place in ${to}`, {
    remedy: 'Change the pools of the network before, or renumber to a block of the same size.',
  })
}

/** The blocks change places: pools move along. */
function turned(spec: NetworkSpec, step: RenumberPlan['step']): NetworkSpec {
  const { renumber: _, ...rest } = spec
  const plan = planOf(spec)
  const main: Blocks = { ...spec, ...(plan.cidr && { cidr: plan.cidr }), ...(plan.cidr6 && { cidr6: plan.cidr6 }) }
  return {
    ...rest,
    cidr: main.cidr,
    ...(main.cidr6 === undefined ? {} : { cidr6: main.cidr6 }),
    ...(spec.pools === undefined
      ? {}
      : {
          pools: spec.pools.map((pool) => ({
            ...pool,
            cidr: movedBlock(movedBlock(pool.cidr, spec.cidr, plan.cidr), spec.cidr6, plan.cidr6),
            ...(pool.cidr6 === undefined ? {} : { cidr6: movedBlock(pool.cidr6, spec.cidr6, plan.cidr6) }),
          })),
        }),
    renumber: {
      step,
      ...(plan.cidr === undefined ? {} : { cidr: spec.cidr }),
      ...(plan.cidr6 === undefined || spec.cidr6 === undefined ? {} : { cidr6: spec.cidr6 }),
      ...(plan.without === undefined ? {} : { without: plan.without }),
    },
  }
}

/** `without`: whom the step does not wait for, besides those that were named before. */
export const renumberSteps = {
  start(
    spec: NetworkSpec,
    to: Pick<RenumberPlan, 'cidr' | 'cidr6'>,
    without: RenumberPlan['without'] = [],
  ): NetworkSpec {
    if (spec.renumber !== undefined) {
      throw new HoldfastError('conflict', 'the network is being renumbered already', {
        remedy: 'See `holdfast-hub renumber status`; end it with `finish` or `abort` first.',
      })
    }
    const { cidr, cidr6 } = to
    const blocks = { ...(cidr === undefined ? {} : { cidr }), ...(cidr6 === undefined ? {} : { cidr6 }) }
    return { ...spec, renumber: { step: 'Prepare', ...blocks, ...(without.length === 0 ? {} : { without }) } }
  },
  switch: (spec: NetworkSpec): NetworkSpec => turned(spec, 'Switch'),
  back: (spec: NetworkSpec): NetworkSpec => turned(spec, 'Return'),
  end(spec: NetworkSpec): NetworkSpec {
    planOf(spec)
    const { renumber: _, ...rest } = spec
    return rest
  },
  without(spec: NetworkSpec, more: NonNullable<RenumberPlan['without']>): NetworkSpec {
    const plan = planOf(spec)
    return { ...spec, renumber: { ...plan, without: [...new Set([...(plan.without ?? []), ...more])] } }
  },
} as const

/** Fixed addresses of a node keep their place as the blocks of its network change places. */
export function movedFixed(addresses: readonly Address[], spec: NetworkSpec): readonly Address[] {
  const plan = planOf(spec)
  const pairs = [
    [spec.cidr, plan.cidr],
    [spec.cidr6, plan.cidr6],
  ] as const
  return addresses.map((address) => {
    for (const [from, to] of pairs) {
      if (from === undefined || to === undefined || !isWithin(blockOf(from), address)) continue
      const moved = movedAddress(address, from, to)
      if (moved !== undefined) return moved
      throw new HoldfastError('invalid', `${address} has no place in ${to}`, {
        remedy: 'Give the node another fixed address, or none, or renumber to a block of the same size.',
      })
    }
    return address
  })
}
