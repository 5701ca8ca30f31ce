// The Service of the hub that a route, or a rule of one, or a Service of a rule, becomes. Pure.

import { podSiteLabel } from '../../../shared/intent/pod-site.ts'
import { type AnyResource, apiVersion, parseResource } from '../../../shared/intent/resource.ts'
import { type BackingOptions, backendsOf, podsOf, portOf } from '../derived/backing.ts'
import { derivedMetadata, derivedName } from '../derived/derived.ts'
import { termsOf as clientsOf } from '../derived/export-terms.ts'
import type { RouteInput } from './attach.ts'
import type { Backend } from './backends.ts'

export interface GatewaysNaming extends BackingOptions {
  /** Whether somebody else has a Service of that name at the hub. */
  readonly isTaken: (name: string) => boolean
}

const words = { TCPRoute: 'tcp', UDPRoute: 'udp', TLSRoute: 'tls', HTTPRoute: 'http' } as const

/** Of a Service that nobody serves. */
export const nobodysPort = 80
const nobody = {
  ports: [{ port: nobodysPort }],
  backends: {
    matchExpressions: [
      { key: podSiteLabel, operator: 'Exists' },
      { key: podSiteLabel, operator: 'DoesNotExist' },
    ],
  },
}

function servedBy({ isOfNode, namespace, port, service }: Backend, options: BackingOptions): object {
  const { clientAffinityS } = clientsOf({ ...service, clusterIP: undefined })
  // Nobody calls it by the name of its port.
  const { name: _, ...own } = portOf(port, isOfNode) as Readonly<Record<string, unknown>>
  return {
    ports: [own],
    backends: backendsOf(options),
    ...(isOfNode ? {} : { pods: podsOf(service, namespace) }),
    ...(clientAffinityS === undefined ? {} : { clientAffinityS }),
  }
}

/**
 * `part`: which of its rules, and which of the Services that share it, each from 1. `backend` absent: it leads to nobody. Throws
 * where the hub would not take it.
 */
export function serviceOf(
  input: RouteInput,
  part: readonly number[],
  backend: Backend | undefined,
  publish: readonly object[],
  options: GatewaysNaming,
): AnyResource {
  const { clusterName, isTaken, network } = options
  const word = words[input.kind]
  const path = [input.namespace, input.name, ...part.map(String)]
  const name = derivedName(clusterName, word, path, isTaken(derivedName(clusterName, word, path, false)))
  const spec = backend === undefined ? nobody : servedBy(backend, options)
  const metadata = derivedMetadata(name, options, input)
  return parseResource({ apiVersion, kind: 'Service', metadata, spec: { network, ...spec, publish } })
}
