// Who of this host is told where names of the mesh are answered: by what is there, and nobody where that could take its names
// away. Pure.

import type { Surroundings, Way, WiringChoice } from './doors.ts'
import { nameserversOf, withoutStub } from './resolv-conf.ts'

export type Choice = { readonly way: Way } | { readonly why: string }

/** Where systemd-resolved listens: its manual. */
const RESOLVED_STUBS: ReadonlySet<string> = new Set(['127.0.0.53', '127.0.0.54'])

function isLoopback(server: string): boolean {
  return server.startsWith('127.') || server === '::1'
}

function ofLink(target: string): Choice {
  if (target.includes('systemd/resolve')) {
    const remedy = 'link it to /run/systemd/resolve/stub-resolv.conf'
    return { why: `/etc/resolv.conf passes by systemd-resolved, which could lead names of the mesh here: ${remedy}` }
  }
  return { why: `/etc/resolv.conf is a link to ${target}, whose owner would write over every word` }
}

/** `wanted`: what people chose. */
export function chooseWay({ dnsmasq, kubelet, resolvConf, resolved }: Surroundings, wanted: WiringChoice): Choice {
  if (wanted === 'off') return { why: 'dns: off' }
  if (wanted !== 'auto' && wanted !== 'file') return { way: wanted }
  if (resolvConf === undefined) return { why: 'this host has no /etc/resolv.conf' }
  const [first] = nameserversOf(withoutStub(resolvConf.text))
  if (wanted === 'auto' && first !== undefined && isLoopback(first)) {
    if (RESOLVED_STUBS.has(first)) {
      return resolved ? { way: 'resolved' } : { why: `systemd-resolved is named at ${first} and does not run` }
    }
    if (dnsmasq !== undefined) return { way: dnsmasq }
    return { why: `the name server of this host at ${first} is not one that can be told: have it ask the agent` }
  }
  if (typeof resolvConf.kind === 'object') return ofLink(resolvConf.kind.link)
  if (resolvConf.kind === 'mount') return { why: '/etc/resolv.conf is mounted from elsewhere, as in a container' }
  // A kubelet hands the file to pods, where 127.51.82.4 is nobody, and k3s takes a public resolver in place of a local one.
  if (kubelet && wanted === 'auto') return { why: 'pods of this host are given its /etc/resolv.conf' }
  return { way: 'file' }
}
