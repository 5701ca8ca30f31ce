// Who was led to which backend, as the kernel tells it. The table outlives this process, and the next one goes on with it.

import { hash } from 'node:crypto'
import * as v from 'valibot'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import type { Led } from '../flows/counters.ts'
import { outsideTableName, renderOutside } from '../plan/nft-outside.ts'
import type { Run } from './command.ts'
import { addressReader } from './known-addresses.ts'

export interface NftOutside {
  /** Lays the table where it is not there yet. */
  read(): Promise<readonly Led[]>
  /** Does nothing where it was taken away already. */
  remove(): Promise<void>
}

const document = v.object({
  nftables: v.array(
    v.object({
      set: v.optional(v.object({ name: v.string(), elem: v.optional(v.array(v.unknown())) })),
      counter: v.optional(v.object({ name: v.string() })),
    }),
  ),
})

const SET = /^(asked|led)_(tcp|udp)[46]$/
const PORT_MAX = 65_535
const CLEAR = `add table inet ${outsideTableName}\ndelete table inet ${outsideTableName}\n`

function documentOf(text: string): v.InferOutput<typeof document> {
  try {
    return parseWith(document, JSON.parse(text))
  } catch (cause) {
    throw new HoldfastError('unsupported', 'this nft lists tables in a way that is not known', { cause })
  }
}

/** As nft writes one; nothing of it is certain. */
interface Written {
  readonly elem?: { readonly val?: { readonly concat?: unknown } | null } | null
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= PORT_MAX
}

interface Listed {
  readonly marks: ReadonlySet<string>
  readonly led: readonly Led[]
}

/** Throws `unsupported` for what is no listing. What is not understood, and what can't be told apart, is left out. */
export function parseOutside(text: string): Listed {
  const addressOf = addressReader()
  const read = (value: unknown) => (typeof value === 'string' ? addressOf(value) : undefined)
  const marks = new Set<string>()
  const asked = new Map<string, Pick<Led, 'destination' | 'destinationPort'> | undefined>()
  const led: (Omit<Led, 'destination' | 'destinationPort'> & { readonly key: string })[] = []
  for (const { counter, set } of documentOf(text).nftables) {
    if (counter !== undefined) marks.add(counter.name)
    const [, kind, word] = SET.exec(set?.name ?? '') ?? []
    const protocol = word === 'tcp' ? 6 : 17
    for (const written of kind === undefined ? [] : (set?.elem ?? [])) {
      const parts = (written as Written | null)?.elem?.val?.concat
      if (!Array.isArray(parts) || parts.length !== 5) continue
      const [from, sourcePort, third, fourth, fifth] = parts as readonly unknown[]
      const [byText, toText, toPort] = kind === 'led' ? [third, fourth, fifth] : [fifth, third, fourth]
      const [source, to] = [read(from), read(toText)]
      if (source === undefined || to === undefined || !isPort(sourcePort) || !isPort(byText) || !isPort(toPort))
        continue
      const key = `${protocol} ${source} ${sourcePort} ${byText}`
      if (kind === 'led') led.push({ key, protocol, source, sourcePort, by: byText, backend: to, backendPort: toPort })
      else asked.set(key, asked.has(key) ? undefined : { destination: to, destinationPort: toPort })
    }
  }
  return {
    marks,
    led: led.flatMap(({ key, ...one }) => {
      const what = asked.get(key)
      return what === undefined ? [] : [{ ...one, ...what }]
    }),
  }
}

/** `name`: of the mesh's interface. */
export function createNftOutside(run: Run, name: string): NftOutside {
  const mark = `v_${hash('sha256', renderOutside(name, 'v'), 'hex').slice(0, 8)}`
  let isGone = false

  const list = async (): Promise<Listed | undefined> => {
    try {
      return parseOutside(await run('nft', ['-j', '-p', 'list', 'table', 'inet', outsideTableName]))
    } catch (error) {
      if (isHoldfastError(error, 'failed') && error.message.includes('No such file')) return undefined
      throw error
    }
  }

  return {
    async read() {
      isGone = false
      const listed = await list()
      if (listed?.marks.has(mark) === true) return listed.led
      await run('nft', ['-f', '-'], { input: CLEAR + renderOutside(name, mark) })
      return []
    },
    async remove() {
      if (isGone) return
      await run('nft', ['-f', '-'], { input: CLEAR })
      isGone = true
    },
  }
}
