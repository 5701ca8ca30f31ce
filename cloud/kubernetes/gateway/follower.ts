// The part of the controller that reads the Gateway API where the cluster has it: what is to be published by it, and what is told
// at its objects.

import type { Clock } from '../../../shared/effects.ts'
import { describeError, type HoldfastError } from '../../../shared/errors.ts'
import type { AnyResource, Resource } from '../../../shared/intent/resource.ts'
import type { Hub } from '../../hub.ts'
import type { Cluster } from '../cluster.ts'
import { keyOf } from '../cluster-intent.ts'
import type { BackingOptions } from '../derived/backing.ts'
import type { Inputs } from '../input.ts'
import { inTurns, unlessStale } from '../writes.ts'
import type { GatewayNode } from './gateways.ts'
import { routeKinds } from './objects.ts'
import { type GatewaysPlan, planGateways } from './plan.ts'
import { type Outcome, statusWrites } from './status.ts'

export interface GatewayFollowerOptions {
  readonly cluster: Pick<Cluster, 'putInputStatus'>
  /** What it has of Services, with what devices say of them. */
  readonly hub: Pick<Hub, 'get'>
  /** What devices have said last. */
  readonly reports?: Pick<Hub, 'fleet'> | undefined
  readonly clock: Clock
}

export interface GatewayFollower {
  /** What follows from routes. `nodes`: of all networks. */
  read(
    inputs: Inputs,
    nodes: Iterable<Resource<'Node'>>,
    options: BackingOptions & { readonly isTaken: (name: string) => boolean },
  ): readonly AnyResource[]
  /** To be called after the hub took it. `faults` by key. */
  close(faults: ReadonlyMap<string, HoldfastError>): void
  tell(goesOn: () => boolean): Promise<void>
}

/**
 * While anything that routes depend on is not heard, nobody knows what follows from them; where a cluster lost the definition of
 * Gateways, its routes are as lost as they.
 */
export function withRoutesHeard(inputs: Inputs): Inputs {
  const {
    Gateway: gateways,
    GatewayClass: classes,
    Namespace: namespaces,
    ReferenceGrant: grants,
    Service: services,
  } = inputs
  const needed = [gateways, classes, namespaces, grants, services]
  const isLost = gateways === 'unserved' || classes === 'unserved'
  if (!isLost && !needed.includes(undefined)) return inputs
  const isKnown = isLost && gateways !== undefined && classes !== undefined
  const routes = routeKinds.map(
    (kind) => [kind, isKnown && inputs[kind] !== undefined ? 'unserved' : undefined] as const,
  )
  return Object.fromEntries(
    Object.entries({ ...inputs, ...Object.fromEntries(routes) }).filter(([, heard]) => heard !== undefined),
  ) as Inputs
}

export function createGatewayFollower({ clock, cluster, hub, reports }: GatewayFollowerOptions): GatewayFollower {
  const nothing: GatewaysPlan = { classes: [], gateways: [], routes: [] }
  let plan = nothing
  let outcomes: ReadonlyMap<string, Outcome> = new Map()

  const placesOf = (names: ReadonlySet<string>): ReadonlyMap<string, Outcome['places']> => {
    const places = new Map<string, { readonly node: string; readonly address: string }[]>()
    for (const { name: node, report } of names.size === 0 ? [] : (reports?.fleet() ?? [])) {
      for (const { at, service } of report?.published ?? []) {
        if (!names.has(service)) continue
        const address = at.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
        places.set(service, [...(places.get(service) ?? []), { node, address }])
      }
    }
    return places
  }

  return {
    read(inputs, nodes, options) {
      const own: GatewayNode[] = []
      for (const { metadata, spec } of nodes)
        if (spec.network === options.network) own.push({ name: metadata.name, labels: spec.labels })
      const kinds = ['Gateway', 'GatewayClass', ...routeKinds] as const
      const isHeard = kinds.every((kind) => inputs[kind] !== undefined)
      plan = isHeard ? planGateways(inputs, { ...options, nodes: own }) : nothing
      return plan.routes.flatMap(({ resources }) => resources)
    },
    close(faults) {
      const names = plan.routes.flatMap(({ resources }) => resources.map(({ metadata }) => metadata.name))
      const places = placesOf(new Set(names))
      outcomes = new Map(
        names.map((name): readonly [string, Outcome] => {
          const fault = faults.get(keyOf({ kind: 'Service', name }))
          const published = hub.get('Service', name)?.status.conditions.find(({ type }) => type === 'Published')
          return [
            name,
            {
              ...(fault === undefined ? {} : { fault: describeError(fault) }),
              ...(published === undefined ? {} : { published }),
              places: places.get(name) ?? [],
            },
          ]
        }),
      )
    },
    async tell(goesOn) {
      const writes = statusWrites(plan, (name) => outcomes.get(name), clock.now())
      await inTurns(writes, goesOn, ({ input, status }) => unlessStale(cluster.putInputStatus(input, status)))
    },
  }
}
