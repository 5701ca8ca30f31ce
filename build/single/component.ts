// Something that is inside of a release and was made by others.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'

export interface Component {
  readonly name: string
  readonly version: string
  /** Package URL, which tells it from all others (ECMA-427). */
  readonly purl: string
  /** SPDX expression; undefined where its own text is all there is. */
  readonly licence: string | undefined
  /** The licence's text, as it came with it; empty where it is part of another component's. */
  readonly text: string
  /** Name of the component that it came as a part of. */
  readonly within?: string
}

const LICENCE_FILE = /^(?:licen[cs]e|copying)(?:[.-].*)?$/i

/** All licence files of a package's directory, one after the other. Throws where there is none. */
export function licenceText(directory: string, what: string): string {
  const names = existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => LICENCE_FILE.test(name))
        .sort()
    : []
  if (names.length > 0) return names.map((name) => readFileSync(join(directory, name), 'utf8').trim()).join('\n\n')
  throw new HoldfastError('not-found', `${what} comes without its licence, in ${directory}`, {
    remedy: 'Its text has to be in each release: see where its authors keep it.',
  })
}

export function byName(a: Component, b: Component): number {
  return a.purl < b.purl ? -1 : Number(a.purl > b.purl)
}
