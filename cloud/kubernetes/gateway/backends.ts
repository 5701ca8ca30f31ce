// What a route leads to: one Service of the cluster, in its own namespace, or in one whose owner lets it by a ReferenceGrant.
// That is asked first, so that nobody learns from a status what is in a namespace of others. Pure.

import { HoldfastError } from '../../../shared/errors.ts'
import { isOfNodes, type Loose, looseOf, obstacle, portsIn } from '../derived/backing.ts'
import { type InputObject, type Inputs, inputApis, inputName } from '../input.ts'
import { listed } from './gateways.ts'
import { type BackendRef, type RouteKind, readGrant } from './objects.ts'
import type { Refusal } from './terms.ts'

export interface Backend {
  readonly namespace: string
  readonly service: Loose
  readonly isOfNode: boolean
  /** That the route names, as the Service has it. */
  readonly port: Loose
}

/** What a port may say that it is, for requests to be led there. */
const SPOKEN = new Set(['', 'http', 'ws', 'kubernetes.io/ws'])

/** Services by namespace and name. */
export type Services = ReadonlyMap<string, InputObject>

function isGranted(inputs: Inputs, kind: RouteKind, from: string, namespace: string, name: string): boolean {
  return listed(inputs, 'ReferenceGrant').some((grant) => {
    if (grant.namespace !== namespace) return false
    const spec = readGrant(grant)
    if (spec instanceof HoldfastError) return false
    const { group } = inputApis[kind]
    return (
      spec.from.some((one) => one.group === group && one.kind === kind && one.namespace === from) &&
      spec.to.some((one) => one.group === '' && one.kind === 'Service' && (one.name ?? name) === name)
    )
  })
}

/** The word is one of the condition `ResolvedRefs`. */
export function backendOf(
  { kind, namespace: own }: InputObject & { readonly kind: RouteKind },
  ref: BackendRef,
  inputs: Inputs,
  services: Services,
): Backend | Refusal {
  if (ref.group !== '' || ref.kind !== 'Service')
    return { reason: 'InvalidKind', message: `a backend is a Service, and not a ${ref.kind} of ${ref.group || 'core'}` }
  const namespace = ref.namespace ?? own
  const what = `Service ${inputName({ namespace, name: ref.name })}`
  if (namespace !== own && !isGranted(inputs, kind, own, namespace, ref.name)) {
    const message = `no ReferenceGrant in namespace ${namespace} lets a ${kind} of ${own} lead to its Service ${ref.name}`
    return { reason: 'RefNotPermitted', message }
  }
  const held = services.get(inputName({ namespace, name: ref.name }))
  if (held === undefined) return { reason: 'BackendNotFound', message: `there is no ${what}` }
  const service = looseOf(held.spec)
  if (service['type'] === 'ExternalName')
    return { reason: 'InvalidKind', message: `${what} is of type ExternalName, which nothing stands behind` }
  const ports = portsIn(service).filter(({ port }) => port === ref.port)
  if (ports.length === 0) {
    const message = ref.port === undefined ? 'a backend needs a port' : `${what} has no port ${ref.port}`
    return { reason: 'BackendNotFound', message }
  }
  const protocol = kind === 'UDPRoute' ? 'UDP' : 'TCP'
  const port = ports.find((one) => (one['protocol'] ?? 'TCP') === protocol)
  if (port === undefined)
    return { reason: 'UnsupportedProtocol', message: `port ${ref.port} of ${what} is not one of ${protocol}` }
  const spoken = port['appProtocol']
  if (kind === 'HTTPRoute' && typeof spoken === 'string' && !SPOKEN.has(spoken)) {
    const message = `port ${ref.port} of ${what} speaks ${spoken}, and gateways HTTP/1.1 and WebSockets`
    return { reason: 'UnsupportedProtocol', message }
  }
  const isOfNode = isOfNodes({ ports: [port] })
  const fault = isOfNode ? undefined : obstacle(service, { headless: false }, 'can’t be led to')
  if (fault !== undefined) return { reason: 'UnsupportedValue', message: `${what}: ${fault.message}` }
  return { namespace, service, isOfNode, port }
}
