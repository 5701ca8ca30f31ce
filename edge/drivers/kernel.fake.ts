// A kernel made of maps behind the driver's seam: same manners as the real one, with faults on demand.

import { type Address, type Cidr, compareCidr, sortCidrs } from '../../shared/address/cidr.ts'
import { compareText } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { WgKey } from '../../shared/ids.ts'
import type { Enforcement } from '../plan/enforcement.ts'
import type { ExitSetup } from '../plan/led-out.ts'
import type { LocalAddress, Observed, ObservedPeer, ObservedRoute } from '../plan/observed.ts'
import { foundations, type Op, type OpName, type OpOf, routeOf } from '../plan/op.ts'
import type { Driver, Failure, KernelWord } from './driver.ts'

interface Device {
  listenPort: number
  wgKey: WgKey | undefined
  up: boolean
  mtu: number
  readonly addresses: Set<Cidr>
  readonly peers: Map<WgKey, ObservedPeer>
}

/** What stands in the fake kernel; tests may change anything, as somebody with a root shell would. */
export interface FakeKernel {
  device: Device | undefined
  /** By destination and metric. */
  readonly routes: Map<string, ObservedRoute>
  readonly forwarding: Set<4 | 6>
  policy: Enforcement | undefined
  ruleset: string | undefined
  services: string
  exit: ExitSetup | undefined
  /** What is asked for: by virtual address, the seconds since. */
  readonly used: Map<Address, number>
  local: LocalAddress[]
  noIpv6: boolean
  /** Asked before each operation; what it returns is that operation's failure. */
  fault: (op: Op) => HoldfastError | undefined
  /** Every operation that was done, in order. */
  readonly journal: Op[]
  /** A driver as a new process would make it. */
  driver(): Driver
  /** Says that something changed, as the kernel would. */
  ring(): void
}

type Executors = { readonly [N in OpName]: (op: OpOf<N>) => void }

function deviceOf(kernel: FakeKernel): Device {
  if (kernel.device === undefined) throw new HoldfastError('failed', 'there is no such interface')
  return kernel.device
}

function setPeer(device: Device, op: OpOf<'peer-set'>): void {
  const blank: ObservedPeer = {
    wgKey: op.wgKey,
    allowedIps: [],
    keepaliveS: 0,
    handshakeAt: 0,
    rxBytes: 0,
    txBytes: 0,
  }
  const { allowedIps, endpoint, keepaliveS } = op
  // An allowed address belongs to one peer: who asks last takes it from the others.
  for (const [key, other] of device.peers) {
    const kept = other.allowedIps.filter((cidr) => allowedIps?.includes(cidr) !== true)
    device.peers.set(key, { ...other, allowedIps: kept })
  }
  device.peers.set(op.wgKey, {
    ...(device.peers.get(op.wgKey) ?? blank),
    ...(allowedIps === undefined ? {} : { allowedIps: sortCidrs(allowedIps) }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keepaliveS === undefined ? {} : { keepaliveS }),
  })
}

function routeKey({ destination, metric }: { destination: Cidr; metric: number }): string {
  return `${destination} ${metric}`
}

function refuseIpv6(kernel: FakeKernel, cidr: Cidr): void {
  if (kernel.noIpv6 && cidr.includes(':')) throw new HoldfastError('failed', 'IPv6 is disabled on this device')
}

function executorsOf(kernel: FakeKernel): Executors {
  return {
    'policy-set': (op) => void (kernel.policy = op.policy),
    'ruleset-set': (op) => void (kernel.ruleset = op.ruleset),
    'services-set': (op) => void (kernel.services = op.services),
    'exit-set': ({ exit }) => void (kernel.exit = exit),
    'link-add': () => {
      if (kernel.device !== undefined) throw new HoldfastError('failed', 'the interface exists already')
      const addresses = new Set<Cidr>()
      kernel.device = { listenPort: 0, wgKey: undefined, up: false, mtu: 1_420, addresses, peers: new Map() }
    },
    'device-set': ({ listenPort, wgKey }) => void Object.assign(deviceOf(kernel), { listenPort, wgKey }),
    'peer-set': (op) => setPeer(deviceOf(kernel), op),
    'peer-remove': (op) => void deviceOf(kernel).peers.delete(op.wgKey),
    'address-add': ({ cidr }) => {
      refuseIpv6(kernel, cidr)
      deviceOf(kernel).addresses.add(cidr)
    },
    'address-remove': ({ cidr }) => void deviceOf(kernel).addresses.delete(cidr),
    'link-set': ({ mtu, up }) => void Object.assign(deviceOf(kernel), { mtu, up }),
    'forwarding-on': ({ family }) => void kernel.forwarding.add(family),
    'route-add': (op) => {
      refuseIpv6(kernel, op.destination)
      if (!deviceOf(kernel).up) throw new HoldfastError('failed', 'the interface is down')
      kernel.routes.set(routeKey(op), routeOf(op))
    },
    'route-change': (op) => {
      if (!kernel.routes.has(routeKey(op))) throw new HoldfastError('failed', 'there is no such route')
      kernel.routes.set(routeKey(op), routeOf(op))
    },
    'route-remove': (op) => void kernel.routes.delete(routeKey(op)),
  }
}

function observe(kernel: FakeKernel): Observed {
  const { device, exit, local, noIpv6, policy, ruleset, services, used } = kernel
  const routes = device?.up === true ? [...kernel.routes.values()] : []
  return {
    ...(device === undefined
      ? {}
      : {
          link: { up: device.up, mtu: device.mtu, addresses: [...device.addresses].sort(compareCidr) },
          device: {
            listenPort: device.listenPort,
            ...(device.wgKey === undefined ? {} : { wgKey: device.wgKey }),
            peers: [...device.peers.values()].sort((a, b) => compareText(a.wgKey, b.wgKey)),
          },
        }),
    routes: routes.sort((a, b) => compareCidr(a.destination, b.destination) || a.metric - b.metric),
    forwarding: [...kernel.forwarding].sort((a, b) => a - b),
    ...(policy === undefined ? {} : { policy }),
    ...(ruleset === undefined ? {} : { ruleset }),
    services,
    ...(exit === undefined ? {} : { exit }),
    ...(used.size === 0 ? {} : { used: new Map(used) }),
    local: [...local],
    ...(noIpv6 ? { noIpv6 } : {}),
  }
}

export function createFakeKernel(): FakeKernel {
  const bells = new Set<(word: KernelWord) => void>()
  const kernel: FakeKernel = {
    device: undefined,
    routes: new Map(),
    forwarding: new Set(),
    policy: undefined,
    ruleset: undefined,
    services: '',
    exit: undefined,
    used: new Map(),
    local: [],
    noIpv6: false,
    fault: () => undefined,
    journal: [],
    driver: () => createDriver(kernel, bells),
    ring: () => {
      for (const bell of bells) bell('changed')
    },
  }
  return kernel
}

function createDriver(kernel: FakeKernel, bells: Set<(word: KernelWord) => void>): Driver {
  const executors = executorsOf(kernel)
  /** Only what this process has set is known to be in force. */
  let knownPolicy: Enforcement | undefined
  let knownRuleset: string | undefined
  let knownServices = ''
  let knownExit: ExitSetup | undefined
  return {
    read: async () => {
      const { exit, policy, ruleset, services, ...rest } = observe(kernel)
      if (kernel.device === undefined || !kernel.device.up) kernel.routes.clear()
      return {
        ...rest,
        ...(exit === undefined && knownExit === undefined
          ? {}
          : { exit: exit !== undefined && exit === knownExit ? exit : ('changed' as const) }),
        ...(policy !== undefined && policy === knownPolicy ? { policy } : {}),
        ...(ruleset !== undefined && ruleset === knownRuleset ? { ruleset } : {}),
        ...(services !== undefined && (services === '' || services === knownServices) ? { services } : {}),
      }
    },
    apply: async (ops) => {
      const done: Op[] = []
      const failed: Failure[] = []
      for (const op of ops) {
        const first = failed.find((failure) => foundations.has(failure.op.op))
        try {
          const error = first === undefined ? kernel.fault(op) : new HoldfastError('failed', 'not tried')
          if (error !== undefined) throw error
          ;(executors[op.op] as (op_: Op) => void)(op)
          if (op.op === 'policy-set') knownPolicy = op.policy
          if (op.op === 'ruleset-set') knownRuleset = op.ruleset
          if (op.op === 'exit-set') knownExit = op.exit
          if (op.op === 'services-set') knownServices = op.services
          kernel.journal.push(op)
          done.push(op)
        } catch (error) {
          failed.push({ op, error })
        }
      }
      if (done.length > 0) kernel.ring()
      return { done, failed }
    },
    cleanup: async () => {
      kernel.device = undefined
      kernel.policy = undefined
      kernel.ruleset = undefined
      kernel.services = ''
      kernel.exit = undefined
      kernel.used.clear()
      kernel.routes.clear()
      knownPolicy = undefined
      knownRuleset = undefined
      knownServices = ''
      knownExit = undefined
    },
    watch: (wake) => {
      bells.add(wake)
      return () => void bells.delete(wake)
    },
  }
}
