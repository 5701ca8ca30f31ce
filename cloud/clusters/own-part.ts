// The hub as the controller of one cluster has it: it may change what follows from that cluster's objects, and nothing else. Who
// speaks for a cluster never reaches what the hub has of its own, or of another cluster, whatever is in its messages.

import { HoldfastError } from '../../shared/errors.ts'
import type { Name } from '../../shared/ids.ts'
import type { AnyResource, Kind } from '../../shared/intent/resource.ts'
import type { Hub, Shown } from '../hub.ts'
import type { ControllerOptions } from '../kubernetes/controller.ts'
import { clusterKey, clusterOf } from '../kubernetes/derived/derived.ts'

/** What anything follows as. */
export const ownKinds = ['Policy', 'Route', 'Service'] as const satisfies readonly Kind[]

export interface Part {
  readonly cluster: string
  readonly network: Name
}

function isOwn({ resource }: Pick<Shown, 'resource'>, { cluster, network }: Part): boolean {
  const { metadata, spec } = resource
  return (
    clusterOf(resource) === cluster &&
    metadata.name.startsWith(`${cluster}--`) &&
    'network' in spec &&
    spec.network === network
  )
}

/** Everything that follows from objects of the cluster. */
export function ownOf(hub: Pick<Hub, 'list'>, part: Part): readonly AnyResource[] {
  return ownKinds.flatMap((kind) => hub.list(kind).filter((one) => isOwn(one, part))).map(({ resource }) => resource)
}

function refusal({ cluster, network }: Part, { kind, metadata }: AnyResource): HoldfastError {
  return new HoldfastError(
    'forbidden',
    `the cluster ${cluster} may not write ${kind}/${metadata.name} of the network ${network}`,
    {
      remedy: 'Kinds of the hub are written at the hub, or in the cluster that it runs in.',
    },
  )
}

export function ownPart(hub: ControllerOptions['hub'], part: Part): ControllerOptions['hub'] {
  const has = (kind: Kind): boolean => ownKinds.some((one) => one === kind)
  const check = (resource: AnyResource): void => {
    const before = hub.get(resource.kind, resource.metadata.name)
    const isFree = before === undefined || isOwn(before, part)
    if (!has(resource.kind) || !isFree || !isOwn({ resource }, part)) throw refusal(part, resource)
  }
  return {
    list: (kind) => (has(kind) ? hub.list(kind).filter((one) => isOwn(one, part)) : []),
    get(kind, name) {
      const found = hub.get(kind, name)
      // A network is only asked for whether it is there.
      if (kind === 'Network') return name === part.network ? found : undefined
      return found !== undefined && has(kind) && isOwn(found, part) ? found : undefined
    },
    put(resource, actor) {
      check(resource)
      return hub.put(resource, actor)
    },
    putAll(resources, actor, dryRun) {
      for (const resource of resources) check(resource)
      return hub.putAll(resources, actor, dryRun)
    },
    delete(kind, name, actor) {
      const found = hub.get(kind, name)
      return found !== undefined && has(kind) && isOwn(found, part) && hub.delete(kind, name, actor)
    },
    note: (actor, verb, target, detail) => hub.note(actor, verb, target, detail),
    watch: (listener) => hub.watch(listener),
  }
}

/** Whom and what a cluster is set against: devices that are its own, and names and addresses of all. */
export function fleetOf(hub: Pick<Hub, 'list'>, { cluster, network }: Part): Pick<Hub, 'list'> {
  return {
    list(kind) {
      const all = hub.list(kind)
      if (kind !== 'Node') return all
      return all.filter(({ resource }) => {
        if (resource.kind !== 'Node' || resource.spec.network !== network) return false
        const { labels } = resource.spec
        return Object.hasOwn(labels, clusterKey) && labels[clusterKey] === cluster
      })
    },
  }
}
