// The kernel as the planner sees it: reads all that is ours, executes operations, cleans up.

import type { Clock, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { tableName } from '../plan/nft.ts'
import type { Observed } from '../plan/observed.ts'
import { foundations, type Op, type OpName, type OpOf } from '../plan/op.ts'
import { type HostLinks, parseLinks } from './addresses.ts'
import type { Run } from './command.ts'
import type { Driver, Failure } from './driver.ts'
import { createExitDriver, type ExitDriver } from './exit.ts'
import { createFlowReader, removeFlows } from './flows.ts'
import { hasIpv6, readForwarding, switchForwardingOn } from './forwarding.ts'
import { addLink, type Flavour, flavourOf, removeLink, setLink } from './link.ts'
import { removeMirror } from './mirror.ts'
import { createNftTable, type NftTable } from './nft.ts'
import { createPolicy, type Policy } from './policy.ts'
import { removeRelay } from './relay-forwarder-fast.ts'
import { addRoute, changeRoute, parseRoutes, removeRoute, routesCommand } from './routes.ts'
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
  readonly run: Run
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

export function createKernelDriver(options: KernelDriverOptions): Driver {
  const { interface: name, privateKeyPath, run, clock, log } = options
  const table = createNftTable(tableName, run, true)
  const policy = createPolicy({ run, log, interface: name, by: options.policyDriver })
  const [services, exit] = [createServicesTable(run, clock), createExitDriver(run, options.exitPath)]
  const flows = options.countsFlows
    ? createFlowReader({ run, clock, interface: name, by: () => policy.by() })
    : undefined
  let flavour: Flavour | undefined
  let watch: KernelWatch | undefined

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

  const readNetwork = async (hasDevice: boolean): Promise<Pick<Observed, 'routes'> & { readonly links: HostLinks }> => {
    const questions = ['address show', ...(hasDevice ? [routesCommand(name)] : [])]
    try {
      // One program for all: on a small machine its start costs more than its work, every few seconds.
      const answer = await run('ip', ['-d', '-j', '-batch', '-'], { input: `${questions.join('\n')}\n` })
      const [links = '', routes = ''] = answer.split('\n')
      return { links: parseLinks(links, name), routes: parseRoutes(routes) }
    } catch (error) {
      // The device went meanwhile, and its routes with it.
      if (!hasDevice || !isHoldfastError(error, 'failed')) throw error
      return await readNetwork(false)
    }
  }

  const network = createStanding(clock, () => watch?.silentSince.ip(), readNetwork)
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
    'ruleset-set': (op) => table.set(op.ruleset),
    'services-set': (op) => services.set(op.services),
    'exit-set': (op) => exit.set(op.exit),
    'link-add': async () => {
      flavour = await addLink(name, run, log)
      await policy.linked()
    },
    'device-set': (op) => device().set(op.listenPort, op.wgKey),
    'peer-set': (op) => device().setPeers([op]),
    'peer-remove': (op) => device().setPeers([op]),
    'address-add': async (op) => void (await run('ip', ['address', 'replace', op.cidr, 'dev', name, 'noprefixroute'])),
    'address-remove': async (op) => void (await run('ip', ['address', 'del', op.cidr, 'dev', name])),
    'link-set': (op) => setLink(name, op.mtu, run),
    'forwarding-on': async (op) => switchForwardingOn(op.family),
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
    async read() {
      const ipv6 = hasIpv6()
      const found = await readDevice()
      const [{ links, routes }, held, used] = await Promise.all([
        network.get(found !== undefined),
        tables.get(policy.mark()),
        services.readUsed(),
      ])
      return {
        ...(links.own === undefined || found === undefined ? {} : { link: links.own }),
        ...(found === undefined ? {} : { device: found }),
        routes,
        forwarding: readForwarding(),
        ...held,
        ...(used.size === 0 ? {} : { used }),
        local: links.local,
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
      await removeTurnCover(run)
      await removeRelay(run)
      await createSteeringDriver(run).cleanup()
      flavour = undefined
      forget()
    },
    watch(wake) {
      const started = watchKernel(name, tableName, wake, clock, log)
      watch = started
      return () => {
        started.stop()
        watch = undefined
      }
    },
  }
}
