// A kernel made of maps: what it holds outlives the agent, and it can be told to let the agent die in mid-apply.

import type { Driver, Failure } from '../../edge/drivers/driver.ts'
import type { DesiredRoute } from '../../edge/plan/desired.ts'
import type { Enforcement } from '../../edge/plan/enforcement.ts'
import type { ExitSetup } from '../../edge/plan/led-out.ts'
import type { LocalAddress, Observed, ObservedPeer } from '../../edge/plan/observed.ts'
import { type Op, routeOf } from '../../edge/plan/op.ts'
import type { Cidr } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { HoldfastError, unreachable } from '../../shared/errors.ts'
import type { WgKey } from '../../shared/ids.ts'

interface State {
  link: { up: boolean; mtu: number; readonly addresses: Set<Cidr> } | undefined
  device: { listenPort: number; wgKey: WgKey | undefined; readonly peers: Map<WgKey, ObservedPeer> } | undefined
  readonly routes: Map<string, DesiredRoute>
  readonly forwarding: Set<4 | 6>
  policy: Enforcement | undefined
  ruleset: string | undefined
  services: string
  exit: ExitSetup | undefined
}

export interface SimKernel {
  readonly driver: Driver
  /** What it holds now. */
  observe(): Observed
  isUp(): boolean
  /** After so many more operations the caller never hears back; `Infinity` is never. */
  dieAfterOps: number
  /** The next so many operations fail. */
  failOps: number
  /** Deletes or changes something behind the agent's back. */
  vandalise(choice: number): void
  reboot(): void
}

export interface KernelOptions {
  readonly local: readonly LocalAddress[]
  /** When the peer with this key last shook hands, milliseconds since the epoch; 0 for never. */
  readonly handshakeAt: (peer: WgKey) => number
  /** Called after each operation that was carried out. */
  readonly changed: (op: Op) => void
  /** Called instead of returning from an apply that the agent does not survive. */
  readonly died: () => void
}

const empty = (): State => ({
  link: undefined,
  device: undefined,
  routes: new Map(),
  forwarding: new Set(),
  policy: undefined,
  ruleset: undefined,
  services: '',
  exit: undefined,
})

/** What an agent sees that looks twice at a kernel nobody touched: the same lists, but for the handshakes. */
interface Seen {
  readonly still: Omit<Observed, 'device'>
  readonly peers: readonly ObservedPeer[]
}

function sorted(values: Iterable<Cidr>): readonly Cidr[] {
  return [...values].sort(compareText)
}

function seen(
  { device, exit, forwarding, link, policy, routes, ruleset, services }: State,
  { local }: KernelOptions,
): Seen {
  const still = {
    ...(link === undefined ? {} : { link: { up: link.up, mtu: link.mtu, addresses: sorted(link.addresses) } }),
    routes: [...routes.values()].sort((a, b) => compareText(a.destination, b.destination) || a.metric - b.metric),
    forwarding: [...forwarding].sort((a, b) => a - b),
    ...(policy === undefined ? {} : { policy }),
    ...(ruleset === undefined ? {} : { ruleset }),
    services,
    ...(exit === undefined ? {} : { exit }),
    local,
  }
  const peers = [...(device?.peers.values() ?? [])].sort((a, b) => compareText(a.wgKey, b.wgKey))
  return { still, peers }
}

function observed({ device }: State, { peers, still }: Seen, { handshakeAt }: KernelOptions): Observed {
  if (device === undefined) return still
  const { listenPort, wgKey } = device
  const held = peers.map((peer) => ({ ...peer, handshakeAt: handshakeAt(peer.wgKey) }))
  return { ...still, device: { listenPort, ...(wgKey === undefined ? {} : { wgKey }), peers: held } }
}

function linkOf(state: State): NonNullable<State['link']> {
  if (state.link === undefined) throw new HoldfastError('failed', 'there is no such interface')
  return state.link
}

function setPeer(state: State, op: Extract<Op, { op: 'peer-set' }>): void {
  const peers = state.device?.peers
  if (peers === undefined) throw new HoldfastError('failed', 'there is no such device')
  const before = peers.get(op.wgKey)
  // WireGuard gives an allowed address to one peer only: the last who asks.
  for (const [key, other] of peers) {
    const kept = other.allowedIps.filter((cidr) => key === op.wgKey || !(op.allowedIps ?? []).includes(cidr))
    peers.set(key, { ...other, allowedIps: kept })
  }
  const endpoint = op.endpoint ?? before?.endpoint
  peers.set(op.wgKey, {
    wgKey: op.wgKey,
    allowedIps: sorted(op.allowedIps ?? before?.allowedIps ?? []),
    ...(endpoint === undefined ? {} : { endpoint }),
    keepaliveS: op.keepaliveS ?? before?.keepaliveS ?? 0,
    handshakeAt: 0,
    rxBytes: before?.rxBytes ?? 0,
    txBytes: before?.txBytes ?? 0,
  })
}

function execute(state: State, op: Op): void {
  switch (op.op) {
    case 'policy-set':
      state.policy = op.policy
      return
    case 'ruleset-set':
      state.ruleset = op.ruleset
      return
    case 'services-set':
      state.services = op.services
      return
    case 'exit-set':
      state.exit = op.exit
      return
    case 'link-add':
      if (state.link !== undefined) throw new HoldfastError('failed', 'the interface exists already')
      state.link = { up: false, mtu: 1_420, addresses: new Set() }
      state.device = { listenPort: 0, wgKey: undefined, peers: new Map() }
      return
    case 'device-set':
      if (state.device === undefined) throw new HoldfastError('failed', 'there is no such device')
      state.device.listenPort = op.listenPort
      state.device.wgKey = op.wgKey
      return
    case 'peer-set':
      setPeer(state, op)
      return
    case 'peer-remove':
      state.device?.peers.delete(op.wgKey)
      return
    case 'address-add':
      linkOf(state).addresses.add(op.cidr)
      return
    case 'address-remove':
      linkOf(state).addresses.delete(op.cidr)
      return
    case 'link-set':
      linkOf(state).mtu = op.mtu
      linkOf(state).up = op.up
      return
    case 'forwarding-on':
      state.forwarding.add(op.family)
      return
    case 'route-add':
    case 'route-change':
      if (!linkOf(state).up) throw new HoldfastError('failed', 'the interface is down')
      state.routes.set(`${op.destination} ${op.metric}`, routeOf(op))
      return
    case 'route-remove':
      state.routes.delete(`${op.destination} ${op.metric}`)
      return
    default:
      unreachable(op)
  }
}

/** Operations that let traffic through: they depend on the policy that was to stand before them. */
const OPENING: ReadonlySet<Op['op']> = new Set(['peer-set', 'address-add', 'link-set', 'route-add', 'forwarding-on'])

const VANDALISM: readonly ((state: State) => void)[] = [
  (state) => {
    state.policy = undefined
    state.ruleset = undefined
  },
  (state) => {
    state.link = undefined
    state.device = undefined
    state.routes.clear()
  },
  (state) => state.routes.clear(),
  (state) => state.device?.peers.delete([...(state.device?.peers.keys() ?? [])][0] ?? ('' as WgKey)),
  (state) => state.link?.addresses.clear(),
]

export function createSimKernel(options: KernelOptions): SimKernel {
  let state = empty()
  let known: Seen | undefined
  const observe = (): Observed => {
    known ??= seen(state, options)
    return observed(state, known, options)
  }
  const reset = (): void => {
    state = empty()
    known = undefined
  }
  const apply: Driver['apply'] = async (ops) => {
    const done: Op[] = []
    const failed: Failure[] = []
    let guarded = true
    for (const op of ops) {
      if (kernel.dieAfterOps <= 0) {
        kernel.dieAfterOps = Number.POSITIVE_INFINITY
        options.died()
        return new Promise<never>(() => undefined)
      }
      kernel.dieAfterOps--
      try {
        if (kernel.failOps > 0) {
          kernel.failOps--
          throw new HoldfastError('failed', 'the kernel refuses for once')
        }
        if (!guarded && OPENING.has(op.op)) throw new HoldfastError('failed', 'the policy does not stand')
        known = undefined
        execute(state, op)
        done.push(op)
        options.changed(op)
      } catch (error) {
        if (op.op === 'policy-set' || op.op === 'ruleset-set') guarded = false
        failed.push({ op, error })
      }
    }
    return { done, failed }
  }
  const kernel: SimKernel = {
    dieAfterOps: Number.POSITIVE_INFINITY,
    failOps: 0,
    driver: {
      read: async () => observe(),
      apply,
      cleanup: async () => reset(),
      watch: () => () => undefined,
    },
    observe,
    isUp: () => state.link?.up === true,
    vandalise(choice) {
      known = undefined
      VANDALISM[choice % VANDALISM.length]?.(state)
    },
    reboot: reset,
  }
  return kernel
}
