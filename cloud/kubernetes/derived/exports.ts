// ServiceExports (multicluster.x-k8s.io/v1beta1) as Services of the hub, and what is said at them, in the words of that API.
// Pure.
//
// A Service here stands in front of nodes, or of pods behind them. What its ports are on every node of the cluster, as of type
// NodePort and LoadBalancer, is the nodes'; anything else with a selector is its pods', and so is one without an address. Who of
// them is ready the sites say themselves, so EndpointSlices are not read.

import { compareText } from '../../../shared/bytes.ts'
import { describeError, HoldfastError } from '../../../shared/errors.ts'
import { type AnyResource, apiVersion, parseResource, type Resource } from '../../../shared/intent/resource.ts'
import type { Said as Condition } from '../cluster-status.ts'
import type { InputObject } from '../input.ts'
import {
  type BackingOptions,
  backendsOf,
  isOfNodes,
  type Loose,
  looseOf,
  obstacle,
  podsOf,
  portOf,
  portsIn,
} from './backing.ts'
import { derivedMetadata, derivedName } from './derived.ts'
import { heldWish, type Settled, settle, type Terms, type Wish, wishAnnotations, wishOf } from './export-terms.ts'

type Said = Condition<'Valid' | 'Conflict' | 'Ready'>

export interface Export {
  readonly input: InputObject
  /** Whether the service can be exported at all. */
  readonly valid: Said
  /** Absent where the hub can't say it. */
  readonly resource?: AnyResource
  readonly fault?: HoldfastError
  /** Where other clusters export another service by the same name: a word of that API, and a sentence. */
  readonly conflict?: Settled['conflict']
}

function said(type: Said['type'], status: Said['status'], reason: string, message: string): Said {
  return { type, status, reason, message }
}

const valid = said('Valid', 'True', 'Valid', 'there is such a Service')

export interface ExportOptions extends BackingOptions {
  /** All that the hub has. */
  readonly services: readonly Resource<'Service'>[]
}

function resourceOf(
  input: InputObject,
  service: Loose,
  options: ExportOptions,
  { isTaken, terms, wish }: { readonly isTaken: boolean; readonly terms: Terms; readonly wish: Wish },
): AnyResource {
  const path = [input.namespace, input.name]
  const name = derivedName(options.clusterName, 'svc', path, isTaken)
  const { clientAffinityS, headless } = terms
  const isOfNode = isOfNodes(service) && !headless
  const metadata = derivedMetadata(name, options, input)
  return parseResource({
    apiVersion,
    kind: 'Service',
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...wishAnnotations(wish) } },
    spec: {
      network: options.network,
      ports: portsIn(service).map((port) => portOf(port, isOfNode)),
      export: { cluster: options.clusterName, namespace: input.namespace, service: input.name },
      backends: backendsOf(options),
      ...(isOfNode ? {} : { pods: podsOf(service, input.namespace) }),
      ...(headless ? { headless } : {}),
      ...(clientAffinityS === undefined ? {} : { clientAffinityS }),
    },
  })
}

function portsText({ spec }: Resource<'Service'>): string {
  const ports = spec.ports.map(({ name, port, protocol }) => `${name ?? ''} ${port}/${protocol}`.trim())
  return ports.sort(compareText).join(', ')
}

/** A service of one name and namespace is one service (KEP-1645): all should say the same of it. */
function portConflict(resource: Resource<'Service'>, others: readonly Resource<'Service'>[]): Settled['conflict'] {
  const other = others.find((one) => portsText(one) !== portsText(resource))
  if (other === undefined) return undefined
  const message = `cluster ${other.spec.export?.cluster ?? ''} exports it with the ports ${portsText(other)}, and here they are ${portsText(resource)}: each is served by those that have it`
  return { reason: 'PortConflict', message }
}

/** Those of other clusters that are the same service, among all that the hub has. */
function twinsOf({ name, namespace }: InputObject, { clusterName, network, services }: ExportOptions) {
  return services.filter(({ spec }) => {
    const { export: theirs } = spec
    const isSame = theirs?.namespace === namespace && theirs?.service === name && theirs?.cluster !== clusterName
    return isSame && spec.network === network
  })
}

/** `service`: the one of the export's name and namespace. */
export function deriveExport(
  input: InputObject,
  service: InputObject | undefined,
  options: ExportOptions,
  isTaken: (name: string) => boolean,
): Export {
  if (service === undefined) {
    return { input, valid: said('Valid', 'False', 'NoService', 'there is no Service of this name') }
  }
  const spec = looseOf(service.spec)
  if (spec['type'] === 'ExternalName') {
    const words = 'a Service of type ExternalName has nothing to export'
    return { input, valid: said('Valid', 'False', 'InvalidServiceType', words) }
  }
  const twins = twinsOf(input, options)
  const wish = wishOf(input, options.clusterName, spec)
  const settled = settle(
    wish,
    twins.flatMap((one) => heldWish(one) ?? []),
  )
  const told = settled.conflict === undefined ? {} : { conflict: settled.conflict }
  const fault = obstacle(spec, settled.terms)
  if (fault !== undefined) return { input, valid, fault, ...told }
  try {
    const wanted = derivedName(options.clusterName, 'svc', [input.namespace, input.name], false)
    const how = { isTaken: isTaken(wanted), terms: settled.terms, wish }
    const resource = resourceOf(input, spec, options, how)
    const conflict = settled.conflict ?? portConflict(resource as unknown as Resource<'Service'>, twins)
    return { input, valid, resource, ...(conflict === undefined ? {} : { conflict }) }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    return { input, valid, fault: error }
  }
}

/**
 * Conditions of the export. `fault`: why the hub did not take the service. `programmed`: what it says of its own; undefined
 * while it has none.
 */
export function exportSaid(
  one: Export,
  fault: HoldfastError | undefined,
  programmed: Pick<Said, 'status' | 'message'> | undefined,
): readonly Said[] {
  if (one.valid.status !== 'True') return [one.valid]
  const conflict =
    one.conflict === undefined
      ? said('Conflict', 'False', 'NoConflicts', 'no other cluster exports it otherwise')
      : said('Conflict', 'True', one.conflict.reason, one.conflict.message)
  const why = one.fault ?? fault
  if (why !== undefined) return [one.valid, conflict, said('Ready', 'False', 'Failed', describeError(why))]
  const name = `Service ${one.resource?.metadata.name ?? ''} of the hub`
  const ready =
    programmed?.status === 'True'
      ? said('Ready', 'True', 'Exported', `it is ${name}`)
      : said('Ready', 'False', 'Pending', `it becomes ${name}: ${programmed?.message ?? 'not taken yet'}`)
  return [one.valid, conflict, ready]
}
