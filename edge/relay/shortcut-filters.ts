// Where the short cut's programs hang: which devices they suit, and which have them now.

import * as v from 'valibot'
import { parseWith } from '../../shared/intent/resource.ts'
import type { RunCommand } from '../host/command.ts'

/** Upper half of the relay's marks, "Hf": nothing else is known to use it as a preference. */
export const shortcutPreference = 0x4866
/** Kernels cut names of programs at 15 characters. */
const NAME = /^hf_relay_/

/** The program that reads a packet as the device hands it on: with a link header, or from the IP header on. */
export type ShortcutProgram = 'ether' | 'raw'
const PROGRAMS: ReadonlyMap<string, ShortcutProgram> = new Map([
  ['ether', 'ether'],
  ['none', 'raw'],
  ['ppp', 'raw'],
  ['rawip', 'raw'],
])

const qdiscs = v.array(v.object({ kind: v.string(), dev: v.optional(v.string()) }))
const filters = v.array(
  v.object({
    kind: v.optional(v.string()),
    options: v.optional(v.object({ prog: v.optional(v.object({ name: v.optional(v.string()) })) })),
  }),
)
const addresses = v.array(
  v.object({
    ifname: v.string(),
    link_type: v.string(),
    addr_info: v.array(v.object({ local: v.optional(v.string()) })),
  }),
)

/** `tc` and `ip` print nothing for none. */
function parse<T extends v.GenericSchema>(schema: T, text: string): v.InferOutput<T> {
  return parseWith(schema, JSON.parse(text.trim() === '' ? '[]' : text))
}

/** Devices that have any of `locals`, and the program that suits each. */
export async function shortcutPlaces(
  run: RunCommand,
  locals: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ShortcutProgram>> {
  const rows = parse(addresses, await run(['ip', '-j', 'address', 'show']))
  return new Map(
    rows.flatMap(({ addr_info, ifname, link_type }) => {
      const program = PROGRAMS.get(link_type)
      const has = addr_info.some(({ local }) => local !== undefined && locals.has(local))
      return program === undefined || !has ? [] : [[ifname, program] as const]
    }),
  )
}

export async function filtersOf(run: RunCommand, device: string, direction: 'ingress' | 'egress') {
  return parse(filters, await run(['tc', '-j', 'filter', 'show', 'dev', device, direction]))
}

/** Devices that have the short cut now, whoever put it there. Throws where `tc` can't be asked. */
export async function shortcutDevices(run: RunCommand): Promise<readonly string[]> {
  const rows = parse(qdiscs, await run(['tc', '-j', 'qdisc', 'show']))
  const hooked = new Set(rows.flatMap(({ dev, kind }) => (kind === 'clsact' || kind === 'ingress' ? [dev] : [])))
  const out: string[] = []
  for (const device of hooked) {
    if (device === undefined) continue
    const found = await filtersOf(run, device, 'ingress')
    if (found.some(({ options }) => NAME.test(options?.prog?.name ?? ''))) out.push(device)
  }
  return out.sort()
}
