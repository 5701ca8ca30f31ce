// A host whose resolvers are told in memory, and how one is looked at in tests.

import type { HostResolver, Surroundings, Way, Wiring } from '../names/wiring/doors.ts'
import { withoutStub, withStub } from '../names/wiring/resolv-conf.ts'

export interface FakeHostResolver extends HostResolver {
  /** What others wrote, or started. */
  become(surroundings: Partial<Surroundings>): void
  text(): string
  /** Who is told of us, with what. */
  told(): Partial<Readonly<Record<Way, Wiring>>>
  /** Says so at every `apply`, from now on. */
  refuse(why: Error | undefined): void
}

/** @testonly */
export function createFakeHostResolver(text = 'nameserver 192.0.2.53\n'): FakeHostResolver {
  let host: Surroundings = { resolvConf: { text, kind: 'file' }, resolved: false, dnsmasq: undefined, kubelet: false }
  let told: Partial<Record<Way, Wiring>> = {}
  let [changes, refusal]: [number, Error | undefined] = [0, undefined]

  const write = (change: (text: string) => string): void => {
    const { resolvConf } = host
    if (resolvConf !== undefined) host = { ...host, resolvConf: { ...resolvConf, text: change(resolvConf.text) } }
  }
  const clear = (but?: Way): void => {
    if (but !== 'file') write(withoutStub)
    told = but !== undefined && told[but] !== undefined ? { [but]: told[but] } : {}
  }
  const stands = (wiring: Wiring): boolean => {
    if (wiring.way === 'file') return host.resolvConf?.text === withStub(host.resolvConf?.text ?? '')
    return JSON.stringify(told[wiring.way]) === JSON.stringify(wiring)
  }

  return {
    read: async () => host,
    signature: () => String(changes),
    stands: async (wiring) => stands(wiring),
    async apply(wiring) {
      if (refusal !== undefined) throw refusal
      changes += 1
      clear(wiring.way)
      if (wiring.way === 'file') write(withStub)
      told = { ...told, [wiring.way]: wiring }
    },
    async cleanup(own) {
      changes += 1
      const resolved = own !== undefined && !stands({ ...own, way: 'resolved' }) ? told.resolved : undefined
      clear()
      if (resolved !== undefined) told = { resolved }
    },
    become(surroundings) {
      changes += 1
      host = { ...host, ...surroundings }
    },
    text: () => host.resolvConf?.text ?? '',
    told: () => told,
    refuse: (why) => void (refusal = why),
  }
}
