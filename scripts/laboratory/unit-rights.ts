// The rights that an agent has under systemd: what it can't do with them must not pass for working because tests run as root.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'

const unit = join(import.meta.dirname, '../../build/systemd/holdfast.service')

/** Words in front of a program of root that leave it the capabilities of the agent's unit, and no others. */
export function unitRights(): readonly string[] {
  const named = /^CapabilityBoundingSet=(.+)$/m.exec(readFileSync(unit, 'utf8'))?.[1]
  if (named === undefined) throw new HoldfastError('not-found', `${unit} says nothing of capabilities`)
  const kept = named.split(' ').map((one) => `+${one.replace('CAP_', '').toLowerCase()}`)
  return ['setpriv', `--bounding-set=-all,${kept.join(',')}`]
}
