// This node's outside port: asked for where a router stands in front of the node, and nobody forwarded a port by hand.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { Keepsakes } from '../store/keepsakes.ts'
import type { Store } from '../store/store.ts'
import type { DefaultRoute, RouterDoors } from './doors.ts'
import { formatLeaseMemory, type Gateway, type LeaseMemory, outsideEndpoint, parseLeaseMemory } from './lease.ts'
import type { Mapper } from './mapper.ts'
import { type PortMappingReport, portMappingReport } from './report.ts'
import { gatewayOf } from './uplink.ts'

/** Where the store keeps what renews the lease after a restart, and gives it back at `leave`. */
export const leaseKey = 'port-mapping'

export interface PortMappingDoors {
  readonly routes: () => readonly DefaultRoute[]
  /** Loaded once there is a router to ask. */
  readonly router: () => Promise<RouterDoors>
}

export interface OwnPortMappingOptions {
  /** Absent where no router shall be asked. */
  readonly doors: PortMappingDoors | undefined
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly port: number
  readonly store: Pick<Store, 'get' | 'set'>
  readonly keep: Pick<Keepsakes, 'write' | 'attempt'>
  readonly onChange: () => void
}

export interface PortMappingScene {
  readonly local: readonly LocalAddress[]
  /** A mapping would help. */
  readonly wanted: boolean
  /** The addresses others see this node come from. */
  readonly seen: readonly string[]
  /** Peers that are reached over the router. */
  readonly direct: number
}

export interface PortMapping {
  /** After each turn. */
  follow(scene: PortMappingScene): void
  /** Where others find WireGuard's port outside; the router's word, which has to prove itself as any candidate. */
  outside(): Endpoint | undefined
  report(): PortMappingReport
  /** Leaves the mapping as it is. */
  stop(): Promise<void>
}

export function createOwnPortMapping(options: OwnPortMappingOptions): PortMapping {
  const { clock, doors, entropy, keep, log, onChange, port, store } = options
  let mapper: Mapper | undefined
  let loading: Promise<void> | undefined
  let gateway: Gateway | undefined
  let needed = true
  let seen: readonly string[] = []
  let before = 0
  let stopped = false

  const remembered = (): LeaseMemory | undefined => {
    let found: LeaseMemory | undefined
    keep.attempt('the port mapping', () => {
      const text = store.get(leaseKey)
      if (text !== undefined) found = parseLeaseMemory(text)
    })
    return found
  }

  const load = async ({ router }: PortMappingDoors): Promise<void> => {
    try {
      const [{ createMapper }, opened] = await Promise.all([import('./mapper.ts'), router()])
      if (stopped) return
      mapper = createMapper({
        doors: opened,
        clock,
        entropy,
        log,
        port,
        onChange,
        remembered: remembered(),
        remember: (lease) => {
          const text = formatLeaseMemory(lease)
          keep.write('keep the port mapping', () => {
            if (store.get(leaseKey) !== text) store.set(leaseKey, text)
          })
        },
      })
      mapper.setGateway(gateway)
    } catch (error) {
      log.warn('no router can be asked for a port', { why: describeError(error) })
    }
  }

  /** Signs that the router may have changed, or forgotten. */
  const notice = ({ direct, seen: hosts }: PortMappingScene): void => {
    if (direct < before) mapper?.doubt('peer')
    before = direct
    // While nobody tells, nothing has changed.
    if (hosts.length === 0) return
    if (seen.length > 0 && !hosts.some((host) => seen.includes(host))) mapper?.doubt('address')
    seen = hosts
  }

  return {
    follow(scene) {
      if (doors === undefined || stopped) return
      const found = scene.wanted ? gatewayOf(doors.routes(), scene.local) : undefined
      // Others see this node at its own address: no NAT stands in between.
      needed = scene.wanted && (found === undefined || !scene.seen.includes(found.local))
      gateway = needed ? found : undefined
      if (mapper !== undefined) mapper.setGateway(gateway)
      else if (gateway !== undefined) loading ??= load(doors)
      notice(scene)
    },
    outside() {
      const state = mapper?.state()
      return state?.type === 'held' ? outsideEndpoint(state.lease) : undefined
    },
    report() {
      if (doors === undefined) return { state: 'off' }
      if (!needed) return { state: 'unneeded' }
      return portMappingReport(mapper?.state() ?? { type: 'no-gateway' }, seen)
    },
    async stop() {
      stopped = true
      await loading
      await mapper?.stop()
    },
  }
}
