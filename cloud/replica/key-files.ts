// The key files of a hub as one shard of its state.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { filesOf } from '../backup/archive.ts'
import { isReplacing } from '../tls/staged-files.ts'
import { damaged } from './head.ts'

/** Id of that shard. */
export const filesShard = 'files'

export type KeyFiles = Readonly<Record<string, string>>

const keyFiles = v.record(v.string(), v.pipe(v.string(), v.maxLength(64 << 10)))

/** What a backup takes, without the databases; those that are there. Undefined while several are being replaced together. */
export function readKeyFiles(directory: string): KeyFiles | undefined {
  if (isReplacing(directory)) return undefined
  const names = filesOf((name) => existsSync(join(directory, name))).filter((name) => !name.endsWith('.db'))
  return Object.fromEntries(
    names.flatMap((name) => {
      const text = readIfThere(join(directory, name))
      return text === undefined ? [] : [[name, text] as const]
    }),
  )
}

export function encodeFiles(files: KeyFiles): Uint8Array {
  return utf8(JSON.stringify(files))
}

/** Only those that a hub knows: none leads out of its directory. Throws `corrupt`. */
export function decodeFiles(bytes: Uint8Array): KeyFiles {
  let files: KeyFiles
  try {
    files = parseWith(keyFiles, JSON.parse(fromUtf8(bytes)))
  } catch (cause) {
    throw damaged('the key files can’t be read', cause)
  }
  const known = new Set(filesOf(() => true))
  const strange = Object.keys(files).find((name) => !known.has(name) || name.endsWith('.db'))
  if (strange !== undefined) throw damaged(`${strange} is no key file`)
  return files
}
