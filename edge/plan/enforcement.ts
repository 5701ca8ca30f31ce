// What decides about packets of the mesh on this device, whichever way the kernel is told: the input of every policy driver.

import type { Address, Cidr } from '../../shared/address/cidr.ts'
import type { RouteProbe } from '../../shared/intent/route-probe.ts'
import { emptyTable, sameTable, type Table } from '../../shared/policy/table.ts'

/** A subnet this node routes for others. */
export interface Forward {
  /** As the machines in it know it. */
  readonly destination: Cidr
  readonly nat: 'none' | 'masquerade' | 'netmap'
  /** What it is called in the mesh; with `netmap` alone. */
  readonly mapTo?: Cidr
  /** What it leads on to the machine that proves it; `at`: the own address where it is asked. */
  readonly probe?: RouteProbe & { readonly at: Address }
}

/** A forwarded subnet as packets at the mesh interface name it. */
export function blockInMesh({ destination, mapTo }: Forward): Cidr {
  return mapTo ?? destination
}

/** The table that holds until a time; what an override opens closes by itself, because whoever would end it may be gone. */
export interface Phase {
  readonly table: Table
  /** Seconds since the Unix epoch; the last phase has no end. */
  readonly untilS?: number
}

export interface Enforcement {
  readonly interface: string
  /** UDP and TCP port inside the mesh for the agent's own words; no policy can close it. */
  readonly meshPort: number
  /** An address of this node: tables say by it how it judges for itself and for subnets it stands for. Absent: nothing passes. */
  readonly self?: Address
  /** In the order of their ends; at least one. */
  readonly phases: readonly Phase[]
  /** Subnets this node stands for: what goes into them meets its ingress, what comes out of them its egress. */
  readonly forwards: readonly Forward[]
  /** Blocks of the mesh, where this node leads flows into it that came to an address of its own: they are judged as its own. */
  readonly publishes?: readonly Cidr[]
}

/** Nothing passes but the agent's own words. */
export function closed(frame: Pick<Enforcement, 'interface' | 'meshPort'>): Enforcement {
  return { interface: frame.interface, meshPort: frame.meshPort, phases: [{ table: emptyTable }], forwards: [] }
}

function samePhases(a: readonly Phase[], b: readonly Phase[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ table, untilS }, at) => {
      const other = b[at]
      return other !== undefined && untilS === other.untilS && sameTable(table, other.table)
    })
  )
}

/** Both mean the same to the kernel. */
export function sameEnforcement(a: Enforcement, b: Enforcement): boolean {
  if (a === b) return true
  const frame = ({ forwards, interface: name, meshPort, publishes, self }: Enforcement): string =>
    JSON.stringify([name, meshPort, self, forwards, publishes])
  return frame(a) === frame(b) && samePhases(a.phases, b.phases)
}
