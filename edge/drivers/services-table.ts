// The own nft table of services, and what the kernel has written into it: who was asked for lately.

import * as v from 'valibot'
import type { Address } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { address } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { servicesTableName, usedForS, usedSets } from '../plan/nft-services.ts'
import type { Run } from './command.ts'
import { createNftTable } from './nft.ts'

export interface ServicesTable {
  /** The text that the table is known to equal, empty where there is none; undefined where it is foreign or was changed. */
  read(): Promise<string | undefined>
  /** Virtual addresses that flows were opened to, with the seconds since the last one; nothing where it was told just now. */
  readUsed(): Promise<ReadonlyMap<Address, number>>
  set(ruleset: string): Promise<void>
  remove(): Promise<void>
}

/** As `nft -j list set` prints them; none where the set is empty. */
const answer = v.object({
  nftables: v.array(
    v.object({
      set: v.optional(
        v.object({
          elem: v.optional(v.array(v.object({ elem: v.object({ val: address, expires: v.number() }) }))),
        }),
      ),
    }),
  ),
})

/** The seconds since each was asked for, from an answer of `nft`. */
export function parseUsed(text: string): ReadonlyMap<Address, number> {
  const { nftables } = parseWith(answer, JSON.parse(text))
  const found = nftables.flatMap(({ set }) => set?.elem ?? [])
  return new Map(found.map(({ elem: { expires, val } }) => [val, Math.max(0, usedForS - expires)]))
}

/** Between two looks at who was asked for: whoever looks a name up is known at once, and the rest can wait. */
const LOOK_EVERY_MS = 10_000

export function createServicesTable(run: Run, clock: Pick<Clock, 'monotonic'>): ServicesTable {
  const table = createNftTable(servicesTableName, run, true)
  let stands = false
  let lookAt = Number.NEGATIVE_INFINITY
  /** With another table the sets begin anew; what they knew is told once more. */
  let before: ReadonlyMap<Address, number> = new Map()

  const readSets = async (): Promise<ReadonlyMap<Address, number>> => {
    const used = new Map<Address, number>()
    for (const name of Object.values(usedSets)) {
      const text = await run('nft', ['-j', 'list', 'set', 'inet', servicesTableName, name])
      for (const [virtual, agoS] of parseUsed(text)) used.set(virtual, agoS)
    }
    return used
  }

  /** Somebody may have taken it away. */
  const used = async (): Promise<ReadonlyMap<Address, number>> => {
    if (!stands) return new Map()
    try {
      return await readSets()
    } catch (error) {
      if (isHoldfastError(error, 'failed')) return new Map()
      throw error
    }
  }

  const remove = async (): Promise<void> => {
    stands = false
    await table.remove()
  }

  return {
    async read() {
      const text = await table.read()
      return text ?? ((await table.stands()) ? undefined : '')
    },
    async readUsed() {
      if (clock.monotonic() < lookAt && before.size === 0) return before
      lookAt = clock.monotonic() + LOOK_EVERY_MS
      const [last, now] = [before, await used()]
      before = new Map()
      return last.size === 0 ? now : new Map([...last, ...now])
    },
    async set(ruleset) {
      before = new Map([...before, ...(await used())])
      if (ruleset === '') return await remove()
      await table.set(ruleset)
      stands = true
    },
    remove,
  }
}
