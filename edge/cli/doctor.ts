// `holdfast doctor`: what this host has and lacks, what is used instead, and how to mend it. Looks, changes nothing.

import { dirname } from 'node:path'
import { timeText } from '../../shared/cli/words.ts'
import { type HostProbe, hasKernelWireguard } from '../host/probe.ts'
import type { Settings } from '../host/settings.ts'
import { policyTableName } from '../plan/nft-policy.ts'
import type { RootStatus } from '../trust/own-root.ts'

export interface Finding {
  readonly check: string
  readonly verdict: 'ok' | 'note' | 'fails'
  readonly found: string
  /** What is used instead, or for what. */
  readonly used: string
  readonly remedy?: string
}

export interface DoctorOptions {
  readonly probe: HostProbe
  readonly stateDir: string
  readonly now: number
  /** A time that is known to have passed; 0 where nothing is known. */
  readonly floor: number
  /** Undefined where the kernel can't be asked. */
  readonly policy?: PolicyLook
  /** Whether the kernel makes WireGuard interfaces, where it could be tried; else it is read from what is installed. */
  readonly kernelWireguard?: boolean
  /** The root key of the hub that is pinned; undefined before the device joined. */
  readonly rootKey?: RootStatus
  /** Undefined before the device joined. */
  readonly hub?: {
    readonly url: string
    readonly reached: boolean
    readonly why: string
    /** Where it is asked through one. */
    readonly proxy?: string
  }
}

/** WireGuard needs 1280 inside (IPv6's least) and 80 bytes around it. */
const MTU_MIN = 1_360
/** Room for a snapshot, its log and the journal. */
const FREE_BYTES_MIN = 64 << 20

function wireguard({ probe, kernelWireguard }: DoctorOptions): Finding {
  const check = 'WireGuard'
  if (kernelWireguard ?? hasKernelWireguard(probe))
    return { check, verdict: 'ok', found: 'in the kernel', used: 'the kernel' }
  const userspace = probe.which('wireguard-go')
  if (userspace === undefined) {
    const remedy = 'Install a kernel with WireGuard (Linux 5.6 or newer), or the userspace wireguard-go.'
    return { check, verdict: 'fails', found: 'neither kernel nor wireguard-go', used: 'nothing', remedy }
  }
  if (!probe.exists('/dev/net/tun')) {
    const remedy = 'Load the module tun (`modprobe tun`), or give the container /dev/net/tun.'
    return { check, verdict: 'fails', found: `${userspace}, but no /dev/net/tun`, used: 'nothing', remedy }
  }
  const remedy = 'Nothing is missing; a kernel with WireGuard would carry several times as much.'
  return { check, verdict: 'note', found: 'not in the kernel', used: userspace, remedy }
}

function program(probe: HostProbe, name: string, what: string, debianPackage: string): Finding {
  const path = probe.which(name)
  const check = `program ${name}`
  if (path !== undefined) return { check, verdict: 'ok', found: path, used: what }
  return {
    check,
    verdict: 'fails',
    found: 'missing',
    used: 'nothing',
    remedy: `Install it: apt install ${debianPackage}`,
  }
}

/** What is known of the two ways of enforcing policy. */
export interface PolicyLook {
  readonly driver: Settings['policyDriver']
  /** Programs decide at the interface of the mesh. */
  readonly stands: boolean
  /** Why they can't on this host. */
  readonly whyNot?: string
}

/** Which way of enforcing policy this host takes, and why not the other. */
function policy({ probe, policy: look }: DoctorOptions): Finding {
  const check = 'policy'
  const takes = look?.whyNot === undefined ? 'programs in the kernel, and nft' : `nft; ${look.whyNot}`
  const found = look === undefined ? 'nft' : takes
  if (look?.stands === true) return { check, verdict: 'ok', found, used: 'programs at the interface of the mesh' }
  if (probe.which('nft') !== undefined) {
    const table = `nft, in the table inet ${policyTableName}`
    if (look === undefined || look.whyNot !== undefined) return { check, verdict: 'ok', found, used: table }
    const why = look.driver === 'nft' ? 'policyDriver is nft' : 'no agent runs, or an override ends by the time of day'
    return { check, verdict: 'ok', found, used: `${table}: ${why}` }
  }
  const remedy = 'Install nftables: without a way to enforce policy the agent makes nothing reachable.'
  return { check, verdict: 'fails', found: 'no nft', used: 'nothing', remedy }
}

function ipv6(probe: HostProbe): Finding {
  const check = 'IPv6'
  const off = probe.read('/proc/sys/net/ipv6/conf/all/disable_ipv6')
  if (off === '0') return { check, verdict: 'ok', found: 'on', used: 'mesh addresses of both families' }
  const remedy = 'Set net.ipv6.conf.all.disable_ipv6=0, or leave it: the mesh works with IPv4 alone.'
  return {
    check,
    verdict: 'note',
    found: off === undefined ? 'not in the kernel' : 'switched off',
    used: 'IPv4 alone',
    remedy,
  }
}

function clock({ now, floor }: DoctorOptions): Finding {
  const check = 'clock'
  const found = timeText(now)
  if (now >= floor) return { check, verdict: 'ok', found, used: 'as it is' }
  const remedy = 'Let the device reach a time server, or fit a clock battery.'
  return { check, verdict: 'note', found: `${found}, behind`, used: `raised to ${timeText(floor)} at start`, remedy }
}

function mtu(probe: HostProbe): Finding {
  const links = probe
    .list('/sys/class/net')
    // Only devices with hardware behind them: tunnels and bridges have an MTU of their own making.
    .filter((name) => probe.exists(`/sys/class/net/${name}/device`))
    .map((name) => ({ name, mtu: Number(probe.read(`/sys/class/net/${name}/mtu`)) }))
    .filter((link) => link.mtu > 0)
  const found = links.map((link) => `${link.name} ${link.mtu}`).join(', ') || 'no physical interface seen'
  const small = links.filter((link) => link.mtu < MTU_MIN)
  if (small.length === 0) return { check: 'MTU', verdict: 'ok', found, used: 'as the network’s intent says' }
  const remedy = `Raise it to ${MTU_MIN} or more, or lower mtu of the Network.`
  return { check: 'MTU', verdict: 'note', found, used: 'packets may be fragmented', remedy }
}

function stateDirectory({ probe, stateDir }: DoctorOptions): Finding {
  const check = 'state directory'
  const mode = probe.modeOf(stateDir)
  if (mode === undefined)
    return { check, verdict: 'note', found: `${stateDir} is not there`, used: 'made by `holdfast join`' }
  if ((mode & 0o077) !== 0) {
    const remedy = `Keep others out: chmod 700 ${stateDir}`
    return { check, verdict: 'fails', found: `${stateDir} has mode ${mode.toString(8)}`, used: 'as it is', remedy }
  }
  return { check, verdict: 'ok', found: stateDir, used: 'keys and cache' }
}

function disk({ probe, stateDir }: DoctorOptions): Finding {
  const free = probe.freeBytes(stateDir) ?? probe.freeBytes(dirname(stateDir))
  const check = 'disk'
  if (free === undefined) return { check, verdict: 'note', found: 'not known', used: 'as it is' }
  const found = `${Math.floor(free / (1 << 20))} MiB free`
  if (free >= FREE_BYTES_MIN) return { check, verdict: 'ok', found, used: 'as it is' }
  return {
    check,
    verdict: 'note',
    found,
    used: 'the mesh goes on from memory when it is full',
    remedy: 'Free some space.',
  }
}

function hub({ hub: state }: DoctorOptions): Finding {
  if (state === undefined) {
    return {
      check: 'hub',
      verdict: 'note',
      found: 'not joined yet',
      used: 'nothing',
      remedy: 'Run `holdfast join URL --token T`.',
    }
  }
  const { proxy, url, reached, why } = state
  const through = proxy === undefined ? '' : `, through the proxy ${proxy}`
  if (reached)
    return { check: 'hub', verdict: 'ok', found: `${url} answers and is the pinned one${through}`, used: 'it' }
  const remedy = `Nothing breaks meanwhile. Check the uplink${proxy === undefined ? '' : ', the proxy'} and the hub.`
  return { check: 'hub', verdict: 'note', found: `${url}: ${why}`, used: 'the cache', remedy }
}

function rootKey({ rootKey: pinned }: DoctorOptions): readonly Finding[] {
  if (pinned === undefined) return []
  const found = pinned.serial === 0 ? `${pinned.key}, as joined` : `${pinned.key}, number ${pinned.serial}`
  return [{ check: 'root key', verdict: 'ok', found, used: 'to tell the hub’s word from any other' }]
}

export function diagnose(options: DoctorOptions): readonly Finding[] {
  const { probe } = options
  const root: Finding = probe.isRoot
    ? { check: 'privilege', verdict: 'ok', found: 'root', used: 'to program the kernel' }
    : {
        check: 'privilege',
        verdict: 'fails',
        found: 'not root',
        used: 'nothing',
        remedy: 'Run it as root: `sudo holdfast doctor`.',
      }
  return [
    root,
    wireguard(options),
    program(probe, 'wg', 'to set WireGuard', 'wireguard-tools'),
    program(probe, 'ip', 'to set links, addresses and routes', 'iproute2'),
    program(probe, 'nft', 'to set the policy, and to share the port', 'nftables'),
    policy(options),
    ipv6(probe),
    clock(options),
    mtu(probe),
    stateDirectory(options),
    disk(options),
    hub(options),
    ...rootKey(options),
  ]
}
