// Takes from Node's copy of ICU what nothing here asks it for: words and forms of every language but English, and dictionaries
// that find words in texts without spaces. What is left is what Node's authors call small-icu. Pure: bytes in, bytes out.
//
// The data lies in the program as a package with a table of contents. Entries are taken from the table, and their bytes are
// zeros from then on, so that they pack to nothing; all else stays where it is. ICU says of a language that it hasn't what it
// says of any that it never had.

import { HoldfastError } from '../../shared/errors.ts'

/** Of a data package: ICU's ucmndata.h, `UDataInfo` and `UDataOffsetTOC`. */
const FORMAT = 'CmnD'
const FORMAT_AT = 12
const MAGIC = [0xda, 0x27] as const
const ENTRY_BYTES = 8

/** Not `root.res`, `pool.res`, `res_index.res` and others that are no language's. */
const OF_A_LANGUAGE = /\/(?!en[_.])[a-z]{2,3}(?:_[A-Za-z0-9_]+)?\.res$/
const DICTIONARY = /\/brkitr\/[a-z]+\.dict$/

interface Entry {
  readonly name: string
  readonly nameOffset: number
  readonly dataOffset: number
}

function unknown(why: string): HoldfastError {
  return new HoldfastError('unsupported', `the data of ICU in this Node is not as expected: ${why}`, {
    remedy: 'Look at what changed in it, in build/single/icu.ts.',
  })
}

/** Where the table of contents begins. */
function findTable(program: Buffer): number {
  const found: number[] = []
  for (let at = program.indexOf(FORMAT); at !== -1; at = program.indexOf(FORMAT, at + 1)) {
    const header = at - FORMAT_AT
    if (header < 0 || program[header + 2] !== MAGIC[0] || program[header + 3] !== MAGIC[1]) continue
    found.push(header + program.readUInt16LE(header))
  }
  const [table, other] = found
  if (table === undefined || other !== undefined) throw unknown(`there are ${found.length} packages`)
  return table
}

function entriesOf(program: Buffer, table: number): readonly Entry[] {
  const count = program.readUInt32LE(table)
  if (count < 100 || count > 20_000) throw unknown(`there are ${count} entries`)
  return Array.from({ length: count }, (_, i) => {
    const at = table + 4 + i * ENTRY_BYTES
    const [nameOffset, dataOffset] = [program.readUInt32LE(at), program.readUInt32LE(at + 4)]
    const start = table + nameOffset
    return { name: program.toString('latin1', start, program.indexOf(0, start)), nameOffset, dataOffset }
  })
}

/** A new program with less in it; `program` is left as it is. */
export function trimIcu(program: Uint8Array): Uint8Array {
  const made = Buffer.from(program)
  const table = findTable(made)
  const entries = entriesOf(made, table)
  const isDropped = ({ name }: Entry): boolean => OF_A_LANGUAGE.test(name) || DICTIONARY.test(name)
  const kept = entries.filter((entry) => !isDropped(entry))
  // How long the last one is stands nowhere.
  if (kept.length === entries.length || kept.length < 100) throw unknown('its languages are not found')
  for (const [i, entry] of entries.entries()) {
    const next = entries[i + 1]
    if (next !== undefined && isDropped(entry)) made.fill(0, table + entry.dataOffset, table + next.dataOffset)
  }
  made.writeUInt32LE(kept.length, table)
  made.fill(0, table + 4 + kept.length * ENTRY_BYTES, table + 4 + entries.length * ENTRY_BYTES)
  for (const [i, { dataOffset, nameOffset }] of kept.entries()) {
    made.writeUInt32LE(nameOffset, table + 4 + i * ENTRY_BYTES)
    made.writeUInt32LE(dataOffset, table + 4 + i * ENTRY_BYTES + 4)
  }
  return made
}
