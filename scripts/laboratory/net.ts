// The network of a topology, brought up as real namespaces: switches, NAT routers and hosts, all reached by name.

import { HoldfastError } from '../../shared/errors.ts'
import { type Cables, createCables } from './cables.ts'
import { run } from './command.ts'
import { createHost, type Host } from './host.ts'
import { natRuleset } from './nat.ts'
import { layPrograms } from './programs.ts'
import { createRunDirectory, deskDevice, type RunDirectory } from './run-directory.ts'
import { type Machine, machinesOf, outsideOf, segmentsOf, type Topology } from './topology.ts'

export interface Net {
  readonly topology: Topology
  readonly directory: RunDirectory
  readonly cables: Cables
  host(name: string): Host
  /** Without the switches. */
  hosts(): readonly Host[]
  /** Forgets all mappings of a site's NAT, as a router does that restarts. */
  rebindNat(site: string): Promise<void>
  /** Cuts two sites from each other, in silence, or ends that; everybody else still reaches both. */
  sever(site: string, other: string, severed: boolean): Promise<void>
  /** Gives the site another address on the internet. */
  renumber(site: string, outside: string): Promise<void>
  /** Switches everything off and removes the run's files. */
  remove(): Promise<void>
}

async function wire(cables: Cables, machine: Machine, host: Host): Promise<void> {
  for (const cable of machine.cables) await cables.plug(host, cable)
  if (machine.gateway !== undefined) await host.ip([`route add default via ${machine.gateway}`])
  const { router } = machine
  if (router === undefined) return
  await host.exec(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'])
  await host.exec(['nft', '-f', '-'], { input: natRuleset(router) })
}

/** The router of a site that has the address on the internet. */
function edgeRouter(topology: Topology, site: string): string {
  const carrier = topology.sites.find(({ name }) => name === site)?.carrierNat === true
  return `${site}-${carrier ? 'carrier' : 'router'}`
}

export async function createNet(topology: Topology): Promise<Net> {
  const directory = createRunDirectory()
  const bin = layPrograms(directory.path)
  const machines = machinesOf(topology)
  const nothing = (): Promise<void> => Promise.resolve()
  const switches = createHost({ name: 'switches', run: directory, bin, wire: nothing, unwire: nothing })
  const cables = createCables(switches)
  const hosts = new Map<string, Host>()
  for (const machine of machines) {
    const { name } = machine
    const wires = {
      wire: (host: Host) => wire(cables, machine, host),
      unwire: () => cables.unplug(name, machine.cables),
    }
    hosts.set(name, createHost({ name, run: directory, bin, ...wires }))
  }
  const host = (name: string): Host => {
    const found = hosts.get(name)
    if (found !== undefined) return found
    throw new HoldfastError('not-found', `there is no host "${name}"`, {
      remedy: `Use one of: ${[...hosts.keys()].join(', ')}.`,
    })
  }
  const remove = async (): Promise<void> => {
    await Promise.all([...hosts.values(), switches].map((one) => one.halt()))
    directory.remove()
  }
  try {
    await switches.boot()
    await switches.ip(
      segmentsOf(machines).flatMap((segment) => [`link add ${segment} type bridge`, `link set ${segment} up`]),
    )
    await Promise.all([...hosts.values()].map((one) => one.boot()))
  } catch (error) {
    await remove()
    throw error
  }
  return {
    topology,
    directory,
    cables,
    host,
    hosts: () => [...hosts.values()],
    async rebindNat(site) {
      await host(edgeRouter(topology, site)).attempt(['conntrack', '-F'])
    },
    sever: (site, other, severed) => cables.sever(outsideOf(topology, site), outsideOf(topology, other), severed),
    async renumber(site, outside) {
      const router = host(edgeRouter(topology, site))
      await router.ip([`address flush dev wan`, `address add ${outside}/16 dev wan`])
      await router.attempt(['conntrack', '-F'])
    },
    remove,
  }
}

/** A cable between this machine and a host, for browsers and people here; returns the host's address at it. */
export async function reachFromHere(host: Host): Promise<string> {
  // A /30 of the other half of RFC 2544's block, by process id, so that two runs don't meet.
  const third = process.pid % 256
  const [here, there] = [`198.19.${third}.1`, `198.19.${third}.2`]
  const device = deskDevice(process.pid)
  await run(['ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'desk', 'netns', String(host.pid())])
  await run(['ip', 'address', 'add', `${here}/30`, 'dev', device])
  await run(['ip', 'link', 'set', device, 'up'])
  await host.ip([`address add ${there}/30 dev desk`, 'link set desk up'])
  return there
}
