// What policies are held against: the intent that this node holds, its overrides, and its record of flows.

import { HoldfastError } from '../../shared/errors.ts'
import type { Dealings } from '../../shared/flows/dealings.ts'
import type { Rules } from '../../shared/flows/judge.ts'
import { withOverlays } from '../../shared/policy/overlay.ts'
import { type Endpoint, worldOf } from '../../shared/policy/world.ts'
import type { ParsedRecords } from '../../shared/record/parsed.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import type { Cli } from './context.ts'
import { overridesHere, readKnown } from './known.ts'
import { readDealings } from './record.ts'

export interface Ground {
  readonly records: ParsedRecords
  /** This node. */
  readonly self: Endpoint
  readonly network: string
  readonly sinceMs: number
  readonly dealings: Dealings
  /** With these policies in place of those of intent; overrides that are in force stay. */
  readonly rules: (policies: ParsedRecords['policies']) => Rules
}

export async function readGround(cli: Cli, sinceMs: number): Promise<Ground> {
  const identity = loadIdentity(cli.files)
  const { factOf, records } = await readKnown(cli)
  const base = worldOf(records, factOf)
  const self = base.endpoints.find(({ kind, name }) => kind === 'node' && name === identity?.name)
  if (identity === undefined || self === undefined) {
    throw new HoldfastError('not-found', 'the intent that this device holds does not speak of it', {
      remedy: 'See `holdfast status`: it may have been removed, or never joined.',
    })
  }
  const overlays = (await overridesHere(cli)).filter(({ state }) => state === 'active')
  if (overlays.length > 0)
    cli.note(`overrides in force are taken as they are: ${overlays.map(({ id }) => id).join(', ')}`)
  const dealings = await readDealings(cli, sinceMs)
  return {
    records,
    self,
    network: identity.network.name,
    sinceMs,
    dealings,
    rules: (policies) => ({
      here: { ...base, policies: withOverlays({ ...records, policies }, overlays).policies },
      there: { ...base, policies },
    }),
  }
}
