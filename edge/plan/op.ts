// Operations on the kernel, as data. Their order in a plan is the order of execution.

import type { Cidr } from '../../shared/address/cidr.ts'
import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { DesiredRoute } from './desired.ts'
import type { Enforcement } from './enforcement.ts'
import type { ExitSetup } from './led-out.ts'

export type Op =
  | { readonly op: 'policy-set'; readonly policy: Enforcement }
  | { readonly op: 'ruleset-set'; readonly ruleset: string }
  /** Empty: there are none any more. */
  | { readonly op: 'services-set'; readonly services: string }
  /** Without one, this host goes out by itself. */
  | { readonly op: 'exit-set'; readonly exit: ExitSetup | undefined }
  | { readonly op: 'link-add' }
  | { readonly op: 'device-set'; readonly listenPort: number; readonly wgKey: WgKey }
  | {
      readonly op: 'peer-set'
      readonly wgKey: WgKey
      /** Absent members are left as they are. */
      readonly allowedIps?: readonly Cidr[]
      readonly endpoint?: Endpoint
      readonly keepaliveS?: number
    }
  | { readonly op: 'peer-remove'; readonly wgKey: WgKey }
  | { readonly op: 'address-add'; readonly cidr: Cidr }
  | { readonly op: 'address-remove'; readonly cidr: Cidr }
  | { readonly op: 'link-set'; readonly mtu: number; readonly up: true }
  | { readonly op: 'forwarding-on'; readonly family: 4 | 6 }
  | ({ readonly op: 'route-add' } & DesiredRoute)
  /** In place, so that no packet is without a route. */
  | ({ readonly op: 'route-change' } & DesiredRoute)
  | { readonly op: 'route-remove'; readonly destination: Cidr; readonly metric: number }

/** The route that an operation sets. */
export function routeOf({ destination, metric, mtu, source }: DesiredRoute): DesiredRoute {
  return { destination, metric, ...(mtu === undefined ? {} : { mtu }), ...(source === undefined ? {} : { source }) }
}

export type OpName = Op['op']
export type OpOf<N extends OpName> = Extract<Op, { op: N }>

/** Where one of these fails, nothing after it is done: without policy nothing is made reachable. */
export const foundations: ReadonlySet<OpName> = new Set(['policy-set', 'ruleset-set', 'link-add'])
