// What a watch over a revision asks of the host; each may be absent, then that is not watched.

import type { Address } from '../../shared/address/cidr.ts'

/** What is on the host's own links. */
export interface Surroundings {
  /** Default routes whose next hop answers, `eth0 192.168.1.1`. */
  readonly gateways: readonly string[]
  /** Other hosts that answer, `eth0 192.168.1.20`. */
  readonly neighbours: readonly string[]
}

export interface ConfirmDoors {
  /** How long a revision is watched before it counts as good; 0 takes every one at its word. */
  readonly watchMs: number
  /** What people name to be watched, as they write it. */
  readonly probes?: readonly string[]
  /** True if the target of a probe answers within two seconds. */
  readonly ask?: (probe: string) => Promise<boolean>
  /** `noted`: hosts to wake, so that the kernel finds out whether they are still there. */
  readonly surroundings?: (noted: readonly string[]) => Promise<Surroundings>
  /** True if the peer's agent answers through the mesh within two seconds. */
  readonly answers?: (address: Address) => Promise<boolean>
  /** True if somebody at the hub's address says that nobody listens: the way there is fine, the hub is not. */
  readonly hubRefuses?: () => Promise<boolean>
}
