// In which version a cluster serves a kind of the Gateway API, if it does: what an API server says of itself is asked, because
// the kinds came one by one, and each was served under several names of versions since.

import type { CustomObjectsApi } from '@kubernetes/client-node'
import type { Clock } from '../../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../../shared/errors.ts'
import { asked } from '../cluster-error.ts'
import { type GatewayKind, inputApis } from '../input.ts'

/** The first of them that is served is read. What the hub reads of a kind is the same in all of them. */
const versions: Readonly<Record<GatewayKind, readonly string[]>> = {
  GatewayClass: ['v1', 'v1beta1'],
  Gateway: ['v1', 'v1beta1'],
  ReferenceGrant: ['v1', 'v1beta1'],
  TCPRoute: ['v1', 'v1alpha2'],
  UDPRoute: ['v1', 'v1alpha2'],
  TLSRoute: ['v1', 'v1alpha3', 'v1alpha2'],
  HTTPRoute: ['v1', 'v1beta1'],
  GRPCRoute: ['v1'],
}
/** All kinds are looked for at the same time, with one question for each version. */
const SAME_MS = 2_000

export interface GatewayVersions {
  /** Asks the API server. Fails with `not-found` where it serves the kind in no version that is read. */
  find(kind: GatewayKind): Promise<string>
  /** As it was found last; the first to be looked for where it was not. */
  last(kind: GatewayKind): string
}

export function createGatewayVersions(api: CustomObjectsApi, clock: Clock): GatewayVersions {
  const answers = new Map<string, { readonly at: number; readonly plurals: Promise<ReadonlySet<string>> }>()
  const found = new Map<GatewayKind, string>()
  const { group } = inputApis.Gateway

  const ask = async (version: string): Promise<ReadonlySet<string>> => {
    try {
      const { resources } = await asked(api.getAPIResources({ group, version }))
      return new Set(resources.map(({ name }) => name))
    } catch (error) {
      if (isHoldfastError(error, 'not-found')) return new Set()
      throw error
    }
  }

  const pluralsOf = (version: string): Promise<ReadonlySet<string>> => {
    const held = answers.get(version)
    if (held !== undefined && clock.monotonic() - held.at < SAME_MS) return held.plurals
    const plurals = ask(version)
    answers.set(version, { at: clock.monotonic(), plurals })
    return plurals
  }

  return {
    async find(kind) {
      for (const version of versions[kind]) {
        if (!(await pluralsOf(version)).has(inputApis[kind].plural)) continue
        found.set(kind, version)
        return version
      }
      throw new HoldfastError('not-found', `the cluster does not serve ${kind} of ${group}`)
    },
    last: (kind) => found.get(kind) ?? versions[kind][0] ?? inputApis[kind].version,
  }
}
