// Writes out the texts that a single file carries, for whoever installs it by hand.

import { existsSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../errors.ts'
import { fileError, writeShared } from './files.ts'

/** Replaces files of these names, and no others; scripts are executable. Returns paths. Throws `unsupported` without any. */
export function unpackTexts(texts: ReadonlyMap<string, string>, directory: string): readonly string[] {
  if (texts.size === 0) {
    throw new HoldfastError('unsupported', 'this program is no single file, and carries nothing', {
      remedy: 'What it comes with lies beside it. Single files are made by `npm run build`.',
    })
  }
  try {
    mkdirSync(directory, { recursive: true })
  } catch (error) {
    throw fileError(`make ${directory}`, error)
  }
  return [...texts].map(([name, text]) => {
    const path = join(directory, name)
    if (existsSync(path) && !lstatSync(path).isFile()) {
      throw new HoldfastError('conflict', `${path} is there, and is no file`, { remedy: 'Name another directory.' })
    }
    writeShared(path, text, text.startsWith('#!') ? 0o755 : 0o644)
    return path
  })
}
