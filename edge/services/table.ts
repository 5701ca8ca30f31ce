// What the kernel is told of services: from who serves what to the ways of packets. Pure.

import { type Address, familyOf } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import type { Place, ServiceTable, ServiceWay } from '../plan/nft-services.ts'
import type { Backend } from './backend.ts'
import type { Standing } from './choose.ts'
import type { Gone } from './doors.ts'
import type { Front } from './front.ts'
import type { Published } from './publish.ts'

export interface Stood {
  readonly front: Front
  readonly standing: ReadonlyMap<Backend, Standing>
}

function addressesIn(backends: readonly Backend[], family: 4 | 6): readonly Address[] {
  return backends.flatMap(({ addresses }) => addresses.filter((address) => familyOf(address) === family))
}

function who({ standing }: Stood, wanted: Standing): readonly Backend[] {
  return [...standing].flatMap(([backend, now]) => (now === wanted ? [backend] : []))
}

type Ways = Map<string, { readonly way: ServiceWay; readonly to: Map<string, Place> }>

function addWays(ways: Ways, virtual: Address, backend: Backend, byClient: boolean): void {
  const addresses = addressesIn([backend], familyOf(virtual))
  for (const { port, protocol: said, targetPort } of backend.ports) {
    const protocol = said === 'TCP' ? 'tcp' : 'udp'
    const key = `${virtual} ${protocol} ${port}`
    const held = ways.get(key) ?? { way: { virtual, protocol, port, byClient, to: [] }, to: new Map<string, Place>() }
    ways.set(key, held)
    for (const address of addresses) held.to.set(`${address} ${targetPort}`, { address, port: targetPort })
  }
}

/** Each port is led to those that have it; where none of the nearest has, to whoever has it. */
function waysOf(stood: Stood): readonly ServiceWay[] {
  const [near, far]: [Ways, Ways] = [new Map(), new Map()]
  for (const virtual of stood.front.addresses) {
    for (const backend of who(stood, 'serves')) addWays(near, virtual, backend, stood.front.byClient)
    for (const backend of who(stood, 'stands-by')) addWays(far, virtual, backend, stood.front.byClient)
  }
  const all: Ways = new Map([...far, ...near])
  return Array.from(all.values(), ({ to, way }) => ({ ...way, to: [...to.values()] }))
}

/** But for addresses that others lead to, too: two gateways may tell of the same pod. */
function pairsOf({ front, standing }: Stood, backends: readonly Backend[]): readonly Gone[] {
  const given = new Set(backends)
  const alive = new Set([...standing.keys()].flatMap((one) => (given.has(one) ? [] : one.addresses)))
  return front.addresses.flatMap((virtual) =>
    addressesIn(backends, familyOf(virtual))
      .filter((backend) => !alive.has(backend))
      .map((backend) => ({ virtual, backend })),
  )
}

/** Flows of those that nothing comes back from have somewhere else to go. */
function lostOf(all: readonly Stood[]): ServiceTable['lost'] {
  return all.flatMap((stood) => {
    if (who(stood, 'serves').length === 0) return []
    return pairsOf(stood, who(stood, 'lost'))
  })
}

/** Whom UDP was led to that is to go elsewhere: nobody tells its sender, who may go on for ever. */
export function goneOf(all: readonly Stood[]): readonly Gone[] {
  return all.flatMap((stood) => {
    if (who(stood, 'serves').length === 0) return []
    const ill = [...who(stood, 'fails'), ...who(stood, 'lost')]
    const silent = ill.filter(({ ports }) => ports.some(({ protocol }) => protocol === 'UDP'))
    return pairsOf(stood, silent)
  })
}

/** The same of flows that came by published ports, which began at an own address. */
export function goneOutside(gone: readonly Gone[], ports: readonly Published[]): readonly Gone[] {
  return gone.flatMap(({ backend, virtual }) =>
    ports
      .filter((one) => one.protocol === 'udp' && one.virtual === virtual)
      .map(({ address }) => ({ virtual: address, backend })),
  )
}

export function tableOf(name: string, all: readonly Stood[]): ServiceTable {
  const virtual = [...new Set(all.flatMap(({ front }) => front.addresses))].sort(compareText)
  return { interface: name, virtual, ways: all.flatMap(waysOf), lost: lostOf(all) }
}
