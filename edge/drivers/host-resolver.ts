// Whoever answers names on this host, told of the mesh's: systemd-resolved by its own tool, dnsmasq by a file of its own, libc by
// lines in front of /etc/resolv.conf.

import { chmodSync, existsSync, lstatSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { formatEndpoint } from '../../shared/address/endpoint.ts'
import { fileError, readIfThere, syncDirectory, writeAtomic } from '../../shared/host/files.ts'
import type { HostResolver, ResolvConf, Way, Wiring } from '../names/wiring/doors.ts'
import { withoutStub, withStub } from '../names/wiring/resolv-conf.ts'
import type { Run } from './command.ts'
import { findDnsmasq } from './find-dnsmasq.ts'

type Manner = 'dnsmasq' | 'networkmanager'

export interface HostResolverOptions {
  /** Of the mesh. */
  readonly interface: string
  readonly run: Run
  /** @testonly Where the host's files begin. */
  readonly root?: string
  /** @testonly Lets that dnsmasq read its files again, which it does at its start alone. */
  readonly restart?: (whose: Manner) => Promise<void>
}

const RESOLV_CONF = 'etc/resolv.conf'
const RESOLVED = 'run/systemd/resolve'
const DROP_INS: Readonly<Record<Manner, string>> = {
  dnsmasq: 'etc/dnsmasq.d/holdfast.conf',
  networkmanager: 'etc/NetworkManager/dnsmasq.d/holdfast.conf',
}
const MANNERS = Object.keys(DROP_INS) as readonly Manner[]
/** Signs of a kubelet, or of what contains one. */
const KUBELETS = ['var/lib/kubelet/config.yaml', 'var/lib/kubelet/pods', 'etc/rancher/k3s', 'etc/rancher/rke2']
/** Anybody may ask who has which name. */
const FILE_MODE = 0o644

function dropIn({ at, port, zones }: Wiring): string {
  const lines = zones.flatMap((zone) => [
    ...at.map((address) => `server=/${zone}/${address}#${port}`),
    // Else addresses that are no public ones are taken for an attack where it looks out for such.
    ...(zone.endsWith('.arpa') ? [] : [`rebind-domain-ok=/${zone}/`]),
  ])
  return ['# Written by the agent of Holdfast, which takes it away again.', ...lines, ''].join('\n')
}

/** Hidden: dnsmasq reads all that is not, and might find half of it after a power cut. */
function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.holdfast`)
}

/** As a whole and for good, with its mode from the first moment on: the umask of a service is not that of other programs. */
function place(path: string, text: string, mode: number): void {
  const draft = draftOf(path)
  writeAtomic(draft, text, mode)
  try {
    chmodSync(draft, mode)
    renameSync(draft, path)
    syncDirectory(dirname(path))
  } catch (error) {
    rmSync(draft, { force: true })
    throw fileError(`write ${path}`, error)
  }
}

/** Which file that is, and of when. */
function stampOf(path: string, look: typeof statSync = statSync): string {
  const found = look(path, { throwIfNoEntry: false })
  return found === undefined ? '-' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`
}

/** Of `resolvectl dns hf0`: `Link 3 (hf0): 100.80.0.2:51824`. */
function listed(said: string): string {
  return said.slice(said.indexOf('):') + 2).trim()
}

export function createHostResolver({ interface: name, restart, root = '/', run }: HostResolverOptions): HostResolver {
  const at = (path: string): string => join(root, path)

  const readResolvConf = (): ResolvConf | undefined => {
    const path = at(RESOLV_CONF)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return undefined
    const text = readIfThere(path) ?? ''
    if (found.isSymbolicLink()) return { text, kind: { link: readlinkSync(path) } }
    const mounts = readIfThere('/proc/self/mountinfo') ?? ''
    return { text, kind: mounts.split('\n').some((line) => line.split(' ')[4] === path) ? 'mount' : 'file' }
  }

  const writeResolvConf = (text: string): void => {
    const path = at(RESOLV_CONF)
    place(path, text, statSync(path).mode & 0o777)
  }

  const begin = async (whose: Manner): Promise<void> => {
    if (restart !== undefined) return await restart(whose)
    if (whose === 'networkmanager') await run('nmcli', ['general', 'reload', 'dns-full'])
    else if (existsSync('/run/systemd/system')) await run('systemctl', ['try-restart', 'dnsmasq.service'])
    else await run('service', ['dnsmasq', 'restart'])
  }

  const withoutDropIn = async (whose: Manner): Promise<void> => {
    const path = at(DROP_INS[whose])
    if (!existsSync(path)) return
    rmSync(path)
    // One that ends is asked by nobody; one that runs forgets at its next start at the latest.
    await begin(whose).catch(() => undefined)
  }

  const withoutLines = (): void => {
    const found = readResolvConf()
    if (found === undefined || typeof found.kind === 'object') return
    const others = withoutStub(found.text)
    if (others !== found.text) writeResolvConf(others)
  }

  const ifindex = (): string => readIfThere(`/sys/class/net/${name}/ifindex`)?.trim() ?? ''
  /** Where systemd-resolved keeps what it was told of the interface: there or not is all that is looked at. */
  const ofLink = (): string => at(join(RESOLVED, 'netif', ifindex() || '-'))

  const unresolved = async (): Promise<void> => {
    if (existsSync(ofLink())) await run('resolvectl', ['revert', name])
  }

  const undo: Readonly<Record<Way, () => unknown>> = {
    resolved: unresolved,
    dnsmasq: () => withoutDropIn('dnsmasq'),
    networkmanager: () => withoutDropIn('networkmanager'),
    file: withoutLines,
  }
  const ways = Object.keys(undo) as readonly Way[]

  const applyDropIn = async (whose: Manner, wiring: Wiring): Promise<void> => {
    const path = at(DROP_INS[whose])
    place(path, dropIn(wiring), FILE_MODE)
    try {
      await begin(whose)
    } catch (error) {
      await withoutDropIn(whose)
      throw error
    }
  }

  const placesOf = ({ at: addresses, port }: Wiring): readonly string[] =>
    addresses.map((address) => formatEndpoint(address, port))
  const routed = ({ zones }: Wiring): readonly string[] => zones.map((zone) => `~${zone}`)

  const applyResolved = async (wiring: Wiring): Promise<void> => {
    const words: readonly (readonly string[])[] = [
      // First that nothing else is asked here.
      ['default-route', name, 'no'],
      ['domain', name, ...routed(wiring)],
      ['dns', name, ...placesOf(wiring)],
      // The mesh is encrypted, and its names are signed as intent: not here.
      ['dnssec', name, 'no'],
      ['dnsovertls', name, 'no'],
      ['llmnr', name, 'no'],
      ['mdns', name, 'no'],
    ]
    try {
      for (const args of words) await run('resolvectl', args)
    } catch (error) {
      await unresolved().catch(() => undefined)
      throw error
    }
  }

  const stands: Readonly<Record<Way, (wiring: Wiring) => Promise<boolean>>> = {
    async resolved(wiring) {
      if (!existsSync(ofLink())) return false
      const [dns, domain] = await Promise.all(['dns', 'domain'].map((what) => run('resolvectl', [what, name])))
      return listed(dns ?? '') === placesOf(wiring).join(' ') && listed(domain ?? '') === routed(wiring).join(' ')
    },
    dnsmasq: async (wiring) => readIfThere(at(DROP_INS.dnsmasq)) === dropIn(wiring),
    networkmanager: async (wiring) => readIfThere(at(DROP_INS.networkmanager)) === dropIn(wiring),
    file: async () => {
      const { text = '' } = readResolvConf() ?? {}
      return text === withStub(text)
    },
  }

  return {
    async read() {
      return {
        resolvConf: readResolvConf(),
        resolved: existsSync(at(RESOLVED)),
        dnsmasq: await findDnsmasq(root),
        kubelet: KUBELETS.some((path) => existsSync(at(path))),
      }
    },
    signature: () =>
      [
        stampOf(at(RESOLV_CONF), lstatSync),
        ...[RESOLV_CONF, ...MANNERS.map((whose) => DROP_INS[whose])].map((path) => stampOf(at(path))),
        stampOf(ofLink()),
        ifindex(),
      ].join(' '),
    stands: (wiring) => stands[wiring.way](wiring),
    async apply(wiring) {
      for (const way of ways) if (way !== wiring.way) await undo[way]()
      switch (wiring.way) {
        case 'resolved':
          return await applyResolved(wiring)
        case 'dnsmasq':
        case 'networkmanager':
          return await applyDropIn(wiring.way, wiring)
        case 'file':
          return writeResolvConf(withStub(readResolvConf()?.text ?? ''))
      }
    },
    async cleanup(own) {
      for (const way of ways) {
        if (way !== 'resolved' || own === undefined || (await stands.resolved(own))) await undo[way]()
      }
      for (const path of [RESOLV_CONF, ...MANNERS.map((whose) => DROP_INS[whose])])
        rmSync(draftOf(at(path)), { force: true })
    },
  }
}
