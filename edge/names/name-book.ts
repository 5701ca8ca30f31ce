// What is known by which name, and the names in between.

import type { Address } from '../../shared/address/cidr.ts'
import type { BodyOf } from '../../shared/record/record.ts'

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
  /** Names that have nothing themselves, and others below them (RFC 8020). */
  readonly inner: ReadonlySet<string>
}

type Ports = BodyOf<'service'>['spec']['ports']

export interface NameBook {
  /** Adds addresses; each once. */
  host(whole: string, addresses: readonly Address[]): void
  /** Ports that have names: RFC 2782. */
  ports(whole: string, ports: Ports): void
  text(whole: string, words: string): void
  pages(): Pages
}

export function createNameBook(domains: readonly string[]): NameBook {
  const hosts = new Map<string, readonly Address[]>()
  const services = new Map<string, readonly Target[]>()
  const texts = new Map<string, string>()
  const inner = new Set<string>()

  /** All names between this one and its domain. */
  const pave = (whole: string): void => {
    for (let dot = whole.indexOf('.'); dot !== -1; dot = whole.indexOf('.', dot + 1)) {
      const above = whole.slice(dot + 1)
      if (domains.includes(above)) return
      inner.add(above)
    }
  }

  return {
    host(whole, addresses) {
      hosts.set(whole, [...new Set([...(hosts.get(whole) ?? []), ...addresses])])
      pave(whole)
    },
    ports(target, ports) {
      for (const { name, port, protocol } of ports) {
        if (name === undefined) continue
        const whole = `_${name}._${protocol.toLowerCase()}.${target}`
        const held = services.get(whole) ?? []
        if (!held.some((one) => one.port === port)) services.set(whole, [...held, { port, target }])
        pave(whole)
      }
    },
    text(whole, words) {
      texts.set(whole, words)
      pave(whole)
    },
    pages: () => ({ domains, hosts, services, texts, inner }),
  }
}
