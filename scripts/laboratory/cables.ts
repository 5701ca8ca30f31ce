// Cables between hosts and switches: plugged at boot, pulled, thinned and made lossy where the hosts can't see why.
//
// All switches live in a host of their own, so that no bridge and no firewall of this machine is touched.

import type { Host } from './host.ts'
import type { Cable } from './topology.ts'

/** A full packet must fit into the bucket, and 50 ms of a fast link. */
const BUCKET_BYTES = 16_384

export interface Cables {
  plug(host: Host, cable: Cable): Promise<void>
  /** Takes the cables of a host away, with its interfaces. */
  unplug(host: string, cables: readonly Cable[]): Promise<void>
  /** Pulls the cable, or puts it back: the host sees its interface lose the link. */
  connect(host: string, cable: string, connected: boolean): Promise<void>
  /** Drops that many percent of the packets each way; 0 ends it, 100 is a silent cut. */
  lossy(host: string, cable: string, percent: number): Promise<void>
  /** Drops in silence all that two addresses send each other, or ends that: a fault out there that neither host can see. */
  sever(a: string, b: string, severed: boolean): Promise<void>
  /** Limits what flows each way, in kbit/s; 0 lifts the limit. */
  slow(host: Host, cable: string, kbitPerS: number): Promise<void>
}

function lossTable(port: string, percent: number): string {
  const drop = percent >= 100 ? 'drop' : `numgen random mod 100 < ${percent} drop`
  return [
    `add table bridge ${port}`,
    `delete table bridge ${port}`,
    ...(percent === 0
      ? []
      : [
          `add table bridge ${port}`,
          `add chain bridge ${port} loss { type filter hook forward priority 0; }`,
          `add rule bridge ${port} loss iifname ${port} ${drop}`,
          `add rule bridge ${port} loss oifname ${port} ${drop}`,
        ]),
    '',
  ].join('\n')
}

function severTable(a: string, b: string, severed: boolean): string {
  const table = `bridge sever_${a}_${b}`.replaceAll(/[.:]/g, '_')
  const ip = a.includes(':') ? 'ip6' : 'ip'
  const rule = (from: string, to: string): string => `add rule ${table} cut ${ip} saddr ${from} ${ip} daddr ${to} drop`
  return [
    `add table ${table}`,
    `delete table ${table}`,
    ...(severed
      ? [
          `add table ${table}`,
          `add chain ${table} cut { type filter hook forward priority 0; }`,
          rule(a, b),
          rule(b, a),
        ]
      : []),
    '',
  ].join('\n')
}

export function createCables(switches: Host): Cables {
  const ports = new Map<string, string>()
  /** Name of a cable's end at the switch; within the 15 characters that the kernel allows. */
  const portOf = (host: string, cable: string): string => {
    const key = `${host} ${cable}`
    const port = ports.get(key) ?? `port${ports.size}`
    ports.set(key, port)
    return port
  }
  return {
    async plug(host, cable) {
      const port = portOf(host.name, cable.interface)
      // Both ends are made at the switch, and one is pushed over to the host.
      await switches.ip([
        `link add ${port} type veth peer name ${cable.interface} netns ${host.pid()}`,
        `link set ${port} master ${cable.segment}`,
        `link set ${port} up`,
      ])
      await host.ip([`address add ${cable.address} dev ${cable.interface}`, `link set ${cable.interface} up`])
    },
    unplug: (host, cables) => switches.ip(cables.map((cable) => `link delete ${portOf(host, cable.interface)}`)),
    connect: (host, cable, connected) => switches.ip([`link set ${portOf(host, cable)} ${connected ? 'up' : 'down'}`]),
    async lossy(host, cable, percent) {
      await switches.exec(['nft', '-f', '-'], { input: lossTable(portOf(host, cable), percent) })
    },
    async sever(a, b, severed) {
      await switches.exec(['nft', '-f', '-'], { input: severTable(a, b, severed) })
    },
    async slow(host, cable, kbitPerS) {
      for (const [at, device] of [
        [switches, portOf(host.name, cable)],
        [host, cable],
      ] as const) {
        if (kbitPerS === 0) await at.attempt(['tc', 'qdisc', 'delete', 'dev', device, 'root'])
        else {
          const shape = ['tbf', 'rate', `${kbitPerS}kbit`, 'burst', String(BUCKET_BYTES), 'latency', '50ms']
          await at.exec(['tc', 'qdisc', 'replace', 'dev', device, 'root', ...shape])
        }
      }
    },
  }
}
