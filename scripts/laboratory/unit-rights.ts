// The rights that agents and relays have under systemd: what can’t be done by them must not pass because tests run as root.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'

const units = join(import.meta.dirname, '../../build/systemd')

/** Words in front of a program of root that leave it the capabilities of that unit, and no others. */
export function unitRights(name: 'holdfast' | 'holdfast@' | 'holdfast-relay'): readonly string[] {
  const unit = join(units, `${name}.service`)
  const named = /^CapabilityBoundingSet=(.+)$/m.exec(readFileSync(unit, 'utf8'))?.[1]
  if (named === undefined) throw new HoldfastError('not-found', `${unit} says nothing of capabilities`)
  const kept = named.split(' ').map((one) => `+${one.replace('CAP_', '').toLowerCase()}`)
  return ['setpriv', `--bounding-set=-all,${kept.join(',')}`]
}
