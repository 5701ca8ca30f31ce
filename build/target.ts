// What a build is made for: operating system, processor and C library, as the prebuilt SQLite addons name them.

import { readFileSync } from 'node:fs'
import { HoldfastError } from '../shared/errors.ts'

const targets = ['linux-x64', 'linux-arm64', 'linuxmusl-x64', 'linuxmusl-arm64'] as const
export type Target = (typeof targets)[number]

export function parseTarget(text: string): Target {
  const target = targets.find((known) => known === text)
  if (target !== undefined) return target
  throw new HoldfastError('usage', `"${text}" is no target`, { remedy: `Use one of ${targets.join(', ')}.` })
}

/** The target that this machine is. */
export function hostTarget(): Target {
  const musl = /\/ld-musl-/.test(readFileSync('/proc/self/maps', 'latin1'))
  return parseTarget(`${process.platform}${musl ? 'musl' : ''}-${process.arch}`)
}
