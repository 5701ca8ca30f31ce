// A write that the hub asks a cluster for, done there: on kinds of the hub's own, and what their own APIs leave to others of the
// rest. Objects are those of now; what the hub saw of them may be older.

import { HoldfastError } from '../../shared/errors.ts'
import { parseResource } from '../../shared/intent/resource.ts'
import { type Cluster, type ClusterObject, type ClusterStatus, finalizer } from '../kubernetes/cluster.ts'
import { isDerivedOf } from '../kubernetes/derived/derived.ts'
import { isOurs } from '../kubernetes/imports/plan.ts'
import type { InputObject, InputRef } from '../kubernetes/input.ts'
import { inTurns, unlessStale } from '../kubernetes/writes.ts'
import type { Call } from './messages.ts'

function gone(what: string): HoldfastError {
  return new HoldfastError('not-found', `${what} is not there any more`)
}

function objectAt(cluster: Cluster, kind: string, name: string): ClusterObject {
  const found = cluster.objects()?.find((one) => one.kind === kind && one.name === name)
  if (found === undefined) throw gone(`${kind}/${name}`)
  return found
}

function inputAt(cluster: Cluster, { kind, name, namespace }: InputRef): InputObject {
  const heard = cluster.inputs()[kind]
  const list = heard === undefined || heard === 'unserved' ? [] : heard
  const found = list.find((one) => one.name === name && one.namespace === namespace)
  if (found === undefined) throw gone(`${kind} ${name}`)
  return found
}

/** Takes away what the hub put there, and lets go of the rest. */
async function release(cluster: Cluster, name: string): Promise<void> {
  const goesOn = (): boolean => true
  const { ServiceImport: heard } = cluster.inputs()
  const imports = heard === undefined || heard === 'unserved' ? [] : heard.filter(isOurs)
  await inTurns(imports, goesOn, ({ name: called, namespace, uid }) =>
    unlessStale(cluster.putImport({ verb: 'delete', namespace, name: called, uid })),
  )
  await inTurns(cluster.objects() ?? [], goesOn, async (object) => {
    const { finalizers, intent, kind } = object
    const rest = finalizers.filter((one) => one !== finalizer)
    if (rest.length < finalizers.length) await unlessStale(cluster.putFinalizers(object, rest))
    if (isDerivedOf(intent, name)) await cluster.remove(kind, object.name)
  })
}

/** No word of the hub writes to what people here keep to themselves. */
function refuseLabels({ of }: Extract<Call, { verb: 'labels' }>, nodeLabels: boolean): void {
  if (!('namespace' in of) || (nodeLabels && of.kind === 'Node')) return
  throw new HoldfastError('forbidden', `${of.kind} ${of.name} gets no labels here`, {
    remedy: 'Start the agent with --node-labels.',
  })
}

/**
 * Resolves to what was asked, where something was. Throws what the API server says. `nodeLabels`: Nodes of the cluster may be
 * labelled.
 */
export async function runCall(cluster: Cluster, call: Call, nodeLabels: boolean): Promise<boolean | undefined> {
  switch (call.verb) {
    case 'finalizers': {
      const { finalizers, kind, name, resourceVersion } = call
      await cluster.putFinalizers({ ...objectAt(cluster, kind, name), resourceVersion }, finalizers)
      return undefined
    }
    case 'status':
      await cluster.putStatus(objectAt(cluster, call.kind, call.name), call.status as unknown as ClusterStatus)
      return undefined
    case 'create':
      await cluster.create(parseResource(call.resource))
      return undefined
    case 'update':
      await cluster.update(parseResource(call.resource))
      return undefined
    case 'remove':
      return cluster.remove(call.kind, call.name)
    case 'isThere':
      return cluster.isThere(call.ref)
    case 'tell':
      await cluster.tell(inputAt(cluster, call.ref), call.event)
      return undefined
    case 'labels':
      refuseLabels(call, nodeLabels)
      await cluster.putLabels(
        'namespace' in call.of ? inputAt(cluster, call.of) : objectAt(cluster, call.of.kind, call.of.name),
        call.labels,
      )
      return undefined
    case 'conditions':
      await cluster.putConditions(call.ref, call.conditions)
      return undefined
    case 'import':
      await cluster.putImport(call.write)
      return undefined
    case 'release':
      await release(cluster, call.cluster)
      return undefined
  }
}
