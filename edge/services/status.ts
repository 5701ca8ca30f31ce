// How services stand on this node, for status.

import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint } from '../../shared/address/endpoint.ts'
import type { Name } from '../../shared/ids.ts'
import type { PublishedReport } from '../../shared/wire/report.ts'
import type { HttpRoute } from '../gate/listener.ts'
import type { Standing } from './choose.ts'
import type { Published, Publishing } from './publish.ts'

export interface BackendStatus {
  /** Of a pod `namespace/name`, … */
  readonly name: string
  /** … and the node that leads to it. */
  readonly behind?: Name
  readonly state: Standing
  /** Absent where it is not asked. */
  readonly rttMs?: number
  /** Why it gets nothing. */
  readonly why?: string
}

/** Where this node takes connections for it from outside the mesh; what requests are asked for, of TLS and HTTP alone. */
export interface PublishedStatus extends Omit<HttpRoute, 'to'> {
  readonly at: Endpoint
  readonly protocol: PublishedReport['protocol']
  readonly interface: string
}

export interface ServiceStatus {
  readonly name: Name
  readonly addresses: readonly Address[]
  /** Somebody on this node or behind it asked for it lately: its backends are looked after. */
  readonly inUse: boolean
  readonly backends: readonly BackendStatus[]
  /** Absent where it is not published here. */
  readonly published?: readonly PublishedStatus[]
}

/** What the hub is told of it; made once for each time that it changes. */
export function createPublishedTold(): (publishing: Publishing) => readonly PublishedReport[] {
  let [of, told]: [Publishing | undefined, readonly PublishedReport[]] = [undefined, []]
  return (publishing) => {
    if (publishing === of) return told
    of = publishing
    const places = publishing.ports.map((one): PublishedReport => {
      return { service: one.service, at: formatEndpoint(one.address, one.port), protocol: wordOf(one) }
    })
    // By several names or paths it is at one place once.
    told = [...new Map(places.map((one) => [Object.values(one).join(' '), one])).values()]
    return told
  }
}

function wordOf({ led, protocol }: Pick<Published, 'led' | 'protocol'>): PublishedStatus['protocol'] {
  return led?.by ?? (protocol === 'tcp' ? 'TCP' : 'UDP')
}

export function publishedOf(
  { addresses }: { readonly addresses: readonly Address[] },
  ports: readonly Published[],
): Pick<ServiceStatus, 'published'> {
  const own = ports.filter(({ virtual }) => addresses.includes(virtual))
  const published = own.map((one) => {
    const { address, from, interface: name, led, port } = one
    const { by: _, ...asked } = led ?? { by: undefined }
    return { at: formatEndpoint(address, port), protocol: wordOf(one), interface: name, from, ...asked } as const
  })
  return published.length === 0 ? {} : { published }
}
