// What a single executable file carries beside its program, as assets of Node's single-executable support: machine code that
// the system must be given a path to, and texts. Elsewhere, in a bundle or a checkout, nothing is carried.

import { dirname } from 'node:path'
import { getAsset, getRawAsset, isSea } from 'node:sea'

/** Asset that says which parts there are: their names and the SHA-256 of each, lower-case hex. */
export const partsAsset = 'parts.json'
/** Asset that holds texts by name: units, starter, licences. */
export const textsAsset = 'texts.json'

export interface Part {
  readonly name: string
  readonly sha256: string
  /** A view into the mapped executable: it must not be written to. */
  readonly content: Uint8Array
}

/** Digests of all parts by name; undefined where this is no single file. */
function digests(): Readonly<Record<string, string>> | undefined {
  return isSea() ? (JSON.parse(getAsset(partsAsset, 'utf8')) as Record<string, string>) : undefined
}

/** Undefined where this program carries no such part. */
export function carriedPart(name: string): Part | undefined {
  const sha256 = digests()?.[name]
  return sha256 === undefined ? undefined : { name, sha256, content: new Uint8Array(getRawAsset(name)) }
}

export function carries(name: string): boolean {
  return digests()?.[name] !== undefined
}

/** Digests of all that is carried. */
export function carriedDigests(): ReadonlySet<string> {
  return new Set(Object.values(digests() ?? {}))
}

/** Texts for people and for the supervisor, by name. Empty where this is no single file. */
export function carriedTexts(): ReadonlyMap<string, string> {
  if (!isSea()) return new Map()
  return new Map(Object.entries(JSON.parse(getAsset(textsAsset, 'utf8')) as Record<string, string>))
}

/** Of all that others made and is in this program. */
export function carriedLicences(): string {
  return carriedTexts().get('LICENSES.txt') ?? 'This is no single file: each package has its licence in node_modules.\n'
}

/** Where this very program lies: the executable, the bundle, or this file of a checkout. */
export function programDirectory(): string {
  return isSea() ? dirname(process.execPath) : import.meta.dirname
}
