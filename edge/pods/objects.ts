// Objects of Kubernetes as far as a node tells of them. What is there and can't be read is passed over, and counted.

import * as v from 'valibot'
import { type Address, familyOf, parseAddress } from '../../shared/address/cidr.ts'
import { fleetingPodLabels } from '../../shared/fact/fleeting-labels.ts'
import type { KnownPod, Namespace, PodPort } from '../../shared/fact/pod-table.ts'
import { isName, parseName } from '../../shared/ids.ts'
import { type Labels, labels } from '../../shared/intent/field.ts'
import { podPortsMax } from '../../shared/limits.ts'

/** A pod as its object says, whether there is something to tell of it or not. */
export interface SeenPod extends KnownPod {
  readonly ready: boolean
  /** It ends: another one may have its address already. */
  readonly ends: boolean
}

const someLabels = v.optional(v.nullable(v.record(v.string(), v.string())))
const metadata = v.object({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/)),
  namespace: v.optional(v.string()),
  labels: someLabels,
  deletionTimestamp: v.optional(v.nullable(v.string())),
})
const container = v.object({
  restartPolicy: v.optional(v.string()),
  ports: v.optional(
    v.nullable(
      v.array(v.object({ name: v.optional(v.string()), containerPort: v.number(), protocol: v.optional(v.string()) })),
    ),
  ),
})
const containers = v.optional(v.nullable(v.array(container)))
const podSchema = v.object({
  metadata,
  spec: v.object({
    hostNetwork: v.optional(v.boolean()),
    hostname: v.optional(v.string()),
    subdomain: v.optional(v.string()),
    containers,
    initContainers: containers,
  }),
  status: v.optional(
    v.object({
      phase: v.optional(v.string()),
      podIP: v.optional(v.string()),
      podIPs: v.optional(v.nullable(v.array(v.object({ ip: v.optional(v.string()) })))),
      conditions: v.optional(v.nullable(v.array(v.object({ type: v.string(), status: v.string() })))),
    }),
  ),
})
type PodObject = v.InferOutput<typeof podSchema>
const namespaceSchema = v.object({ metadata })

function labelsOf(given: PodObject['metadata']['labels']): Labels {
  const lasting = Object.entries(given ?? {}).filter(([key]) => !fleetingPodLabels.has(key))
  return v.parse(labels, Object.fromEntries(lasting))
}

const protocols: readonly PodPort['protocol'][] = ['TCP', 'UDP', 'SCTP']

/** Of containers that run as long as the pod does; the first of a name counts, as with Services. */
function portsOf({ containers: main, initContainers }: PodObject['spec']): readonly PodPort[] {
  const lasting = [...(main ?? []), ...(initContainers ?? []).filter((one) => one.restartPolicy === 'Always')]
  const ports = new Map<string, PodPort>()
  for (const { containerPort: port, name, protocol: told = 'TCP' } of lasting.flatMap((one) => one.ports ?? [])) {
    const protocol = protocols.find((known) => known === told)
    const isPort = Number.isInteger(port) && port > 0 && port < 65_536
    if (name === undefined || protocol === undefined || !isPort || ports.has(name) || ports.size >= podPortsMax)
      continue
    ports.set(name, { name: parseName(name), protocol, port })
  }
  return [...ports.values()]
}

/** As names are made of it: both are said, as StatefulSets do. */
function hostOf({ hostname, subdomain }: PodObject['spec']): KnownPod['host'] {
  if (hostname === undefined || subdomain === undefined) return undefined
  return isName(hostname) && isName(subdomain) ? { name: hostname, subdomain } : undefined
}

function addressesOf({ podIP, podIPs }: NonNullable<PodObject['status']>): readonly Address[] {
  const told = [...(podIPs ?? []).map(({ ip }) => ip), podIP].filter((ip) => ip !== undefined && ip !== '')
  const byFamily = new Map<4 | 6, Address>()
  for (const address of told.map((ip) => parseAddress(ip ?? ''))) {
    if (!byFamily.has(familyOf(address))) byFamily.set(familyOf(address), address)
  }
  return [...byFamily.values()]
}

/**
 * Undefined where it has no address of its own: it is not there yet, is over, or lives in the host's network. Throws where the
 * object can't be read.
 */
export function readPod(object: unknown): SeenPod | undefined {
  const { metadata: meta, spec, status = {} } = v.parse(podSchema, object)
  if (spec.hostNetwork === true || status.phase === 'Succeeded' || status.phase === 'Failed') return undefined
  const addresses = addressesOf(status)
  if (addresses.length === 0) return undefined
  const ports = portsOf(spec)
  const host = hostOf(spec)
  const ends = typeof meta.deletionTimestamp === 'string'
  const isReady = (status.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True')
  return {
    namespace: parseName(meta.namespace ?? ''),
    name: meta.name,
    addresses,
    labels: labelsOf(meta.labels),
    ...(ports.length === 0 ? {} : { ports }),
    ...(host === undefined ? {} : { host }),
    ends,
    ready: isReady && !ends,
  }
}

/** Throws where the object can't be read. */
export function readNamespace(object: unknown): Namespace {
  const { metadata: meta } = v.parse(namespaceSchema, object)
  return { name: parseName(meta.name), labels: labelsOf(meta.labels) }
}

const keySchema = v.object({ metadata: v.object({ name: v.string(), namespace: v.optional(v.string()) }) })

/** By which an object is known; throws where it has no name. */
export function objectKey(object: unknown): string {
  const { name, namespace } = v.parse(keySchema, object).metadata
  return namespace === undefined ? name : `${namespace}/${name}`
}
