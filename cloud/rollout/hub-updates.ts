// What the hub offers about other versions of the agent.

import { HoldfastError } from '../../shared/errors.ts'
import type { Name } from '../../shared/ids.ts'
import type { RenewRequest } from '../../shared/wire/renew.ts'
import type { ReleaseFileAt, Releases } from '../release/releases.ts'
import type { RollStanding } from './standing.ts'

export interface HubReleases {
  /** Releases of the agent that lie here; absent where none can. */
  readonly releases?: Releases | undefined
}

export interface HubUpdates {
  /** Roll-outs of other agent versions, by name. */
  agentUpdates(): readonly RollStanding[]
  /** Where the build of that SHA-256 lies, for a member that proves itself. Throws `forbidden` and `not-found`. */
  releaseFile(proof: RenewRequest, sha256: string): ReleaseFileAt
}

/** A roll-out of another agent version went on, or was halted. */
export type UpdateEvent = { readonly type: 'update'; readonly name: Name } & Pick<
  RollStanding,
  'phase' | 'wave' | 'done'
>

export function hubUpdates(
  { releases }: HubReleases,
  rollouts: { readonly standings: () => readonly RollStanding[] },
  { admitDownload }: { readonly admitDownload: (proof: RenewRequest) => { readonly name: Name } },
): HubUpdates {
  return {
    agentUpdates: () => rollouts.standings(),
    releaseFile(proof, sha256) {
      const { name } = admitDownload(proof)
      const file = releases?.file(sha256)
      if (file !== undefined) return file
      throw new HoldfastError('not-found', `there is no build ${sha256.slice(0, 64)} here for ${name}`, {
        remedy: 'See `holdfast-hub release list`.',
      })
    },
  }
}
