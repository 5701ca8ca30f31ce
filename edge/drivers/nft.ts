// One of the own nft tables. It is replaced whole in one transaction, so there is no moment without policy; and it counts as ours
// only while the kernel lists it exactly as it did after we set it, so any foreign change is seen and undone.

import { hash } from 'node:crypto'
import { isHoldfastError } from '../../shared/errors.ts'
import type { Run } from './command.ts'

export interface NftTable {
  /** The text that the table is known to equal; undefined where it is missing, foreign or changed. */
  read(): Promise<string | undefined>
  /** There is such a table, whoever made it. */
  stands(): Promise<boolean>
  set(ruleset: string): Promise<void>
  remove(): Promise<void>
}

/** `learns`: it has sets that the kernel fills by itself; what stands in sets is not looked at then. */
/** Two tables as one, each in its own network namespace: the first of the text, and what comes behind it. */
export function createNftTables(
  inner: NftTable,
  outer: NftTable,
  divide: (text: string) => readonly [string, string],
): NftTable {
  return {
    async read() {
      const [first, second] = await Promise.all([inner.read(), outer.read()])
      return first === undefined || second === undefined ? undefined : first + second
    },
    stands: async () => (await inner.stands()) || (await outer.stands()),
    async set(ruleset) {
      const [first, second] = divide(ruleset)
      await inner.set(first)
      await outer.set(second)
    },
    async remove() {
      await inner.remove()
      await outer.remove()
    },
  }
}

export function createNftTable(tableName: string, run: Run, learns: boolean): NftTable {
  // `add` before `delete` makes deleting work whether or not the table is there.
  const clear = `add table inet ${tableName}\ndelete table inet ${tableName}\n`
  let known: { readonly ruleset: string; readonly listing: string } | undefined

  const listing = async (): Promise<string | undefined> => {
    try {
      // Without counters.
      const text = await run('nft', ['-s', ...(learns ? ['-t'] : []), 'list', 'table', 'inet', tableName])
      return hash('sha256', text, 'base64')
    } catch (error) {
      if (isHoldfastError(error, 'failed') && error.message.includes('No such file')) return undefined
      throw error
    }
  }

  return {
    async read() {
      // Not set since this process began: whatever stands there is replaced once, in one transaction, by the same or newer.
      if (known === undefined) return undefined
      return (await listing()) === known.listing ? known.ruleset : undefined
    },
    stands: async () => (await listing()) !== undefined,
    async set(ruleset) {
      known = undefined
      await run('nft', ['-f', '-'], { input: clear + ruleset })
      const listed = await listing()
      if (listed !== undefined) known = { ruleset, listing: listed }
    },
    async remove() {
      known = undefined
      await run('nft', ['-f', '-'], { input: clear })
    },
  }
}
