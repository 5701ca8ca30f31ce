// What a release is built for, all of it on any of them.

import { HoldfastError } from '../../shared/errors.ts'

export const releaseTargets = ['linux-x64', 'linux-arm64'] as const
export type ReleaseTarget = (typeof releaseTargets)[number]

export function parseReleaseTarget(text: string): ReleaseTarget {
  const target = releaseTargets.find((known) => known === text)
  if (target !== undefined) return target
  throw new HoldfastError('usage', `there is no release for "${text}"`, {
    remedy: `Use one of ${releaseTargets.join(', ')}.`,
  })
}
