// Files of one directory in one text, as a single executable carries them: base64 by path. The same files are the same bytes.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import * as v from 'valibot'
import { compareText, fromBase64, toBase64 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'

/** By path without a leading slash. */
export type FilesByPath = ReadonlyMap<string, Uint8Array>

/** Name of the part that holds the hub's dashboard. */
export const dashboardPart = 'dashboard.json'

const packedSchema = v.record(v.string(), v.string())

/** Throws `too-large`. Links are not followed: what is no plain file is left out. */
export function readFilesIn(directory: string, bytesMax: number): FilesByPath {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort()
  // Before anything is read: whatever lies there by mistake is not taken into memory.
  const bytes = paths.reduce((total, path) => total + statSync(path).size, 0)
  if (bytes > bytesMax) throw new HoldfastError('too-large', `${directory} holds ${bytes} bytes, at most ${bytesMax}`)
  const nameOf = (path: string): string => relative(directory, path).split(sep).join('/')
  return new Map(paths.map((path) => [nameOf(path), new Uint8Array(readFileSync(path))]))
}

export function packFiles(files: FilesByPath): string {
  const sorted = [...files].sort(([a], [b]) => compareText(a, b))
  return JSON.stringify(Object.fromEntries(sorted.map(([path, bytes]) => [path, toBase64(bytes)])))
}

export function unpackFiles(packed: string): FilesByPath {
  return new Map(
    Object.entries(v.parse(packedSchema, JSON.parse(packed))).map(([path, text]) => [path, fromBase64(text)]),
  )
}
