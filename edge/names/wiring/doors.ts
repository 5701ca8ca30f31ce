// What is needed of the host for its programs to find names of the mesh.

import type { Address } from '../../../shared/address/cidr.ts'

/** Who of this host is told: its systemd-resolved, its dnsmasq or the one of NetworkManager, or libc itself. */
export type Way = 'resolved' | 'dnsmasq' | 'networkmanager' | 'file'

export interface ResolvConf {
  readonly text: string
  /** Written by whom it leads to where it is a link; put there by who made the container where it is a mount. */
  readonly kind: 'file' | 'mount' | { readonly link: string }
}

/** By people, or by what is there. */
export type WiringChoice = 'auto' | 'off' | Way

/** What is there. */
export interface Surroundings {
  readonly resolvConf: ResolvConf | undefined
  /** systemd-resolved runs. */
  readonly resolved: boolean
  /** Whose dnsmasq runs with a directory of further settings. */
  readonly dnsmasq: 'dnsmasq' | 'networkmanager' | undefined
  /** Pods of this host are given its resolv.conf. */
  readonly kubelet: boolean
}

export interface Wiring {
  readonly way: Way
  readonly interface: string
  /** Names under these are asked of us, and no others: but for `file`, where all are. */
  readonly zones: readonly string[]
  /** Where we answer. */
  readonly at: readonly Address[]
  readonly port: number
}

/** Each may be called at any time, whoever did what before. */
export interface HostResolver {
  read(): Promise<Surroundings>
  /** Differs once something changed that `read`, or `stands`, would tell otherwise; costs next to nothing. */
  signature(): string
  /** True where all is as `apply` leaves it. */
  stands(wiring: Wiring): Promise<boolean>
  /** Takes away what leads to us by other ways. Throws where it can't, and then has taken back what it did. */
  apply(wiring: Wiring): Promise<void>
  /** Leaves nothing, of an earlier process neither. `own`: of systemd-resolved that alone; people may have told it else. */
  cleanup(own?: Wiring): Promise<void>
}

/** For status. */
export interface WiringStatus {
  /** Who is told; absent where nobody is. */
  readonly by?: Way
  /** Why nobody is. */
  readonly why?: string
}
