// The kernel as the planner sees it: reads all that is ours, executes operations, cleans up.

import { type Cidr, familyOf } from '../../shared/address/cidr.ts'
import type { Clock, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { Attached } from '../host/networks.ts'
import { divideRuleset, outsideTableOf, tableName } from '../plan/nft.ts'
import type { Observed } from '../plan/observed.ts'
import { foundations, type Op, type OpName, type OpOf } from '../plan/op.ts'
import { giveBack } from './attach.ts'
import type { Run } from './command.ts'
import type { Driver, Failure } from './driver.ts'
import { createExitDriver, type ExitDriver } from './exit.ts'
import { createFlowReader, removeFlows } from './flows.ts'
import { openLed } from './led-out.ts'
import { addLink, type Flavour, flavourOf, removeLink, setLink } from './link.ts'
import { removeMirror } from './mirror.ts'
import { hostNamespace, type Namespace } from './namespace.ts'
import { createNetworkReader } from './network-reader.ts'
import { createNftTable, createNftTables, type NftTable } from './nft.ts'
import { createPolicy, type Policy } from './policy.ts'
import { removeRelay } from './relay-forwarder-fast.ts'
import { addRoute, changeRoute, removeRoute } from './routes.ts'
import { createServicesTable, type ServicesTable } from './services-table.ts'
import { createStanding } from './standing.ts'
import { createSteeringDriver } from './steering.ts'
import { removeTurnCover } from './turn-cover.ts'
import { type KernelWatch, watchKernel } from './watch.ts'
import { createWgSocket } from './wg-socket.ts'
import { createWgTool } from './wg-tool.ts'
import type { PeerOp, WireguardDevice } from './wireguard.ts'

export interface KernelDriverOptions {
  readonly interface: string
  /** File with the private key, base64, as `wg set … private-key` reads it. */
  readonly privateKeyPath: string
  /** File with what closes the way out from power-on. */
  readonly exitPath: string
  /** Outside, where WireGuard's own packets go. */
  readonly run: Run
  /** Where the mesh side is; the host's own where absent. */
  readonly inside?: Namespace | undefined
  /** Tells the rules of this network's uplinks from those of others on this host. */
  readonly place?: number | undefined
  /** Interfaces of this host that are to be there. */
  readonly attach?: readonly Attached[]
  readonly clock: Clock
  readonly log: Log
  /** What enforces policy: whatever this kernel does best, or nft. */
  readonly policyDriver: 'auto' | 'nft'
  /** Flows are counted, for somebody to ask. */
  readonly countsFlows?: boolean
}

type Executors = { readonly [N in OpName]: (op: OpOf<N>) => Promise<void> }

function isPeerOp(op: Op): op is PeerOp {
  return op.op === 'peer-set' || op.op === 'peer-remove'
}

/**
 * The hub gives each address to one node alone, so no other is looked for (RFC 4862, 5.4): until then a socket could not be
 * bound to it.
 */
function addressFlags(cidr: Cidr): readonly string[] {
  return familyOf(cidr) === 6 ? ['noprefixroute', 'nodad'] : ['noprefixroute']
}

/** Runs of peer operations become one call; everything else stands alone. */
function groups(ops: readonly Op[]): readonly (readonly Op[])[] {
  const out: Op[][] = []
  for (const op of ops) {
    const last = out.at(-1)
    if (last !== undefined && isPeerOp(op) && last[0] !== undefined && isPeerOp(last[0])) last.push(op)
    else out.push([op])
  }
  return out
}

type HeldTables = Pick<Observed, 'exit' | 'policy' | 'ruleset' | 'services'>

interface TableDrivers {
  readonly policy: Pick<Policy, 'read'>
  readonly table: Pick<NftTable, 'read'>
  readonly services: Pick<ServicesTable, 'read'>
  readonly exit: Pick<ExitDriver, 'read'>
}

async function readTables({ exit, policy, services, table }: TableDrivers): Promise<HeldTables> {
  const asked = [policy.read(), table.read(), services.read(), exit.read()] as const
  const [enforced, ruleset, served, leads] = await Promise.all(asked)
  return {
    ...(enforced === undefined ? {} : { policy: enforced }),
    ...(ruleset === undefined ? {} : { ruleset }),
    ...(served === undefined ? {} : { services: served }),
    ...(leads === undefined ? {} : { exit: leads }),
  }
}

/** A network namespace of its own goes, and not with an interface that people put there. */
async function leaveInside({ remove, run }: Namespace, log: Log): Promise<void> {
  if (remove === undefined) return
  await giveBack(run, log)
  await remove()
}

/** WireGuard's port is shared where its packets are, all else happens where the interface is. */
function apartTables(inside: Run, outside: Run, name: string): NftTable {
  const outer = outsideTableOf(name)
  return createNftTables(createNftTable(tableName, inside, true), createNftTable(outer, outside, true), (text) =>
    divideRuleset(text, outer),
  )
}

export function createKernelDriver(options: KernelDriverOptions): Driver {
  const { interface: name, privateKeyPath, run: outside, clock, log, inside = hostNamespace(outside) } = options
  const { run } = inside
  const isApart = inside.name !== undefined
  const table = isApart ? apartTables(run, outside, name) : createNftTable(tableName, run, true)
  const policy = createPolicy({ run, log, interface: name, by: options.policyDriver, netns: inside.id() })
  const [services, exit, led] = [createServicesTable(run, clock), createExitDriver(run, options.exitPath), openLed(run)]
  const counted = { run, clock, interface: name, by: () => policy.by(), procNet: inside.procNet }
  const flows = options.countsFlows ? createFlowReader(counted) : undefined
  let [flavour, watch]: [Flavour | undefined, KernelWatch | undefined] = [undefined, undefined]

  // Both live as long as the driver: they remember what they read.
  const [userspace, tool] = [createWgSocket(name, privateKeyPath), createWgTool(name, privateKeyPath, run)]
  const device = (): WireguardDevice => (flavour === 'wireguard-go' ? userspace : tool)

  const readDevice = async (): Promise<Observed['device']> => {
    flavour ??= await flavourOf(name, run)
    if (flavour === undefined) return undefined
    try {
      const found = await device().read()
      if (found === undefined) flavour = undefined
      return found
    } catch (error) {
      // wireguard-go is gone: the interface went with it.
      if (!isHoldfastError(error, 'unreachable')) throw error
      flavour = undefined
      return undefined
    }
  }

  const read = createNetworkReader({ interface: name, attach: options.attach ?? [], outside, inside, log })
  const network = createStanding(clock, () => watch?.silentSince.ip(), read)
  const tables = createStanding<string, HeldTables>(
    clock,
    () => watch?.silentSince.nft(),
    () => readTables({ policy, table, services, exit }),
  )
  const forget = (): void => {
    network.forget()
    tables.forget()
  }

  let counts = true
  /** What an earlier process counted by, before people switched it off. */
  const countNoMore = async (): Promise<void> => {
    if (!counts) return
    counts = false
    try {
      await removeFlows(run)
    } catch (error) {
      log.warn('flows are counted still', { reason: describeError(error) })
    }
  }

  const execute: Executors = {
    'policy-set': async (op) => {
      await policy.load(op.policy)
      if (flows === undefined) await countNoMore()
    },
    'ruleset-set': (op) => table.set(op.ruleset).then(() => led.laid(op.ruleset)),
    'services-set': (op) => services.set(op.services),
    'exit-set': (op) => exit.set(op.exit),
    'link-add': async () => {
      flavour = await addLink(name, run, log, inside.name === undefined ? undefined : { outside, to: inside.name })
      await policy.linked()
    },
    'device-set': (op) => device().set(op.listenPort, op.wgKey),
    'peer-set': (op) => device().setPeers([op]),
    'peer-remove': (op) => device().setPeers([op]),
    'address-add': async ({ cidr }) =>
      void (await run('ip', ['address', 'replace', cidr, 'dev', name, ...addressFlags(cidr)])),
    'address-remove': async (op) => void (await run('ip', ['address', 'del', op.cidr, 'dev', name])),
    'link-set': (op) => setLink(name, op.mtu, run),
    'forwarding-on': async (op) => inside.forward(op.family),
    'route-add': (op) => addRoute(name, op, run),
    'route-change': (op) => changeRoute(name, op, run),
    'route-remove': (op) => removeRoute(name, op, run),
  }
  const one = (op: Op): Promise<void> => (execute[op.op] as (op_: Op) => Promise<void>)(op)

  const attempt = async (op: Op, done: Op[], failed: Failure[]): Promise<void> => {
    try {
      await one(op)
      done.push(op)
    } catch (error) {
      failed.push({ op, error })
    }
  }

  return {
    ...(flows === undefined ? {} : { flows }),
    ledOut: () => led.read(),
    async read() {
      const ipv6 = inside.hasIpv6()
      const found = await readDevice()
      const [{ inside: attached, links, routes }, held, used] = await Promise.all([
        network.get(found !== undefined),
        tables.get(policy.mark()),
        services.readUsed(),
      ])
      return {
        ...(links.own === undefined || found === undefined ? {} : { link: links.own }),
        ...(found === undefined ? {} : { device: found }),
        routes,
        forwarding: inside.forwarding(),
        ...held,
        ...(used.size === 0 ? {} : { used }),
        local: links.local,
        ...(attached === undefined ? {} : { inside: attached }),
        ...(ipv6 ? {} : { noIpv6: true }),
      }
    },
    async apply(ops) {
      if (ops.length > 0) forget()
      const done: Op[] = []
      const failed: Failure[] = []
      for (const group of groups(ops)) {
        if (failed.some(({ op }) => foundations.has(op.op))) {
          for (const op of group)
            failed.push({ op, error: new HoldfastError('failed', 'not tried: an earlier step failed') })
        } else if (group.length === 1 || !group.every(isPeerOp)) {
          for (const op of group) await attempt(op, done, failed)
        } else {
          try {
            await device().setPeers(group)
            done.push(...group)
          } catch {
            // Find the one that is refused, and get the others through.
            for (const op of group) await attempt(op, done, failed)
          }
        }
      }
      if (ops.length > 0) forget()
      return { done, failed }
    },
    async cleanup() {
      await removeMirror(run)
      await removeLink(name, run)
      await policy.remove()
      await removeFlows(run)
      await table.remove()
      await services.remove()
      await exit.set(undefined)
      await removeTurnCover(outside, isApart ? name : undefined)
      // Of the host's first network alone: others do not relay.
      if (!isApart) await removeRelay(outside)
      await createSteeringDriver(outside, options.place).cleanup()
      await leaveInside(inside, log)
      flavour = undefined
      forget()
    },
    watch(wake) {
      const started = watchKernel(name, tableName, wake, clock, log, inside)
      watch = started
      return () => {
        started.stop()
        watch = undefined
      }
    },
  }
}
