// What is known by which name, and the names in between.

import type { Address } from '../../shared/address/cidr.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import type { BackendPort } from '../services/backend.ts'

/** Of a service: RFC 2782. */
export interface Target {
  readonly port: number
  /** Whole name of who has it. */
  readonly target: string
}

export interface Pages {
  /** Lower case, without a dot at the end: the domain of the mesh, and that of clusters where they export services. */
  readonly domains: readonly string[]
  /** Addresses by whole name. */
  readonly hosts: ReadonlyMap<string, readonly Address[]>
  /** Where a port of a service is, by whole name. */
  readonly services: ReadonlyMap<string, readonly Target[]>
  readonly texts: ReadonlyMap<string, string>
  /** Those that come and go with pods. */
  readonly fleeting: ReadonlySet<string>
  /** Names that have nothing themselves, and others below them (RFC 8020). */
  readonly inner: ReadonlySet<string>
}

type Ports = BodyOf<'service'>['spec']['ports']

export interface NamedPod {
  readonly whole: string
  readonly addresses: readonly Address[]
  /** What it has of the service, and where. */
  readonly ports: readonly BackendPort[]
}

export interface NameBook {
  /** Adds addresses; each once. */
  host(whole: string, addresses: readonly Address[]): void
  /** Ports that have names: RFC 2782. */
  ports(whole: string, ports: Ports): void
  /** Pods that a name is answered with, each as whole as it is called itself. */
  pods(whole: string, ports: Ports, pods: readonly NamedPod[]): void
  text(whole: string, words: string): void
  pages(): Pages
}

/** RFC 2782. */
function portName(name: string, protocol: string, target: string): string {
  return `_${name}._${protocol.toLowerCase()}.${target}`
}

export function createNameBook(domains: readonly string[]): NameBook {
  const hosts = new Map<string, readonly Address[]>()
  const services = new Map<string, readonly Target[]>()
  const texts = new Map<string, string>()
  const fleeting = new Set<string>()
  const inner = new Set<string>()

  /** All names between this one and its domain. */
  const pave = (whole: string): void => {
    for (let dot = whole.indexOf('.'); dot !== -1; dot = whole.indexOf('.', dot + 1)) {
      const above = whole.slice(dot + 1)
      if (domains.includes(above)) return
      inner.add(above)
    }
  }

  const addHost = (whole: string, addresses: readonly Address[]): void => {
    hosts.set(whole, [...new Set([...(hosts.get(whole) ?? []), ...addresses])])
    pave(whole)
  }

  /** Each of them once. */
  const addTargets = (whole: string, targets: readonly Target[]): void => {
    const all = [...(services.get(whole) ?? []), ...targets]
    services.set(whole, [...new Map(all.map((one) => [`${one.port} ${one.target}`, one])).values()])
    pave(whole)
  }

  return {
    host: addHost,
    ports(target, ports) {
      for (const { name, port, protocol } of ports)
        if (name !== undefined) addTargets(portName(name, protocol, target), [{ port, target }])
    },
    pods(whole, ports, pods) {
      addHost(
        whole,
        pods.flatMap(({ addresses }) => addresses),
      )
      fleeting.add(whole)
      for (const one of pods) {
        addHost(one.whole, one.addresses)
        fleeting.add(one.whole)
      }
      for (const { name, port, protocol } of ports) {
        if (name === undefined) continue
        const targets = pods.flatMap(({ ports: own, whole: target }) => {
          const at = own.find((one) => one.port === port && one.protocol === protocol)
          return at === undefined ? [] : [{ port: at.targetPort, target }]
        })
        const service = portName(name, protocol, whole)
        addTargets(service, targets)
        fleeting.add(service)
      }
    },
    text(whole, words) {
      texts.set(whole, words)
      pave(whole)
    },
    pages: () => ({ domains, hosts, services, texts, fleeting, inner }),
  }
}
