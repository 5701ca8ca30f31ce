// Links and addresses as `ip -j addr` prints them: the own interface, and what else this host is attached to.

import { type Address, type Cidr, compareCidr, parseAddress } from '../../shared/address/cidr.ts'
import { bitsOf, formatIp, parseIp } from '../../shared/address/ip.ts'
import { compareText } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { LocalAddress, ObservedLink } from '../plan/observed.ts'

interface IpAddress {
  readonly local?: string
  readonly prefixlen?: number
  readonly scope?: string
}

interface IpLink {
  readonly ifname?: string
  readonly flags?: readonly string[]
  readonly mtu?: number
  readonly linkinfo?: { readonly info_kind?: string }
  readonly addr_info?: readonly IpAddress[]
}

/** Kinds of interfaces that carry other networks: a candidate there would tunnel through a tunnel. */
const OVERLAYS = new Set([
  'wireguard',
  'tun',
  'vxlan',
  'geneve',
  'gre',
  'gretap',
  'ipip',
  'ip6tnl',
  'sit',
  'vti',
  'xfrm',
  'dummy',
  'ifb',
])
/** Bridges and ends of containers and virtual machines, by the names their programs give. */
const CONTAINERS =
  /^(?:docker|br-[0-9a-f]{12}$|cni|flannel|cali|cilium|lxc|lxd|virbr|podman|kube|vmnet|zt|tailscale|nebula)/

export interface HostLinks {
  readonly own: ObservedLink | undefined
  readonly local: readonly LocalAddress[]
}

function parseJson(text: string): readonly IpLink[] {
  try {
    return JSON.parse(text === '' ? '[]' : text) as readonly IpLink[]
  } catch (cause) {
    throw new HoldfastError('failed', 'ip -j addr printed no JSON', {
      remedy: 'Update iproute2 to 4.18 or newer.',
      cause,
    })
  }
}

function globals(link: IpLink): readonly { address: Address; length: number }[] {
  return (link.addr_info ?? [])
    .filter(
      (info) =>
        info.local !== undefined && info.prefixlen !== undefined && info.scope !== 'link' && info.scope !== 'host',
    )
    .map((info) => ({ address: parseAddress(info.local ?? ''), length: info.prefixlen ?? 0 }))
}

function blockAround(address: Address, length: number): Cidr {
  const ip = parseIp(address)
  const host = BigInt(bitsOf(ip.family) - length)
  return `${formatIp({ family: ip.family, value: (ip.value >> host) << host })}/${length}` as Cidr
}

function isPhysical(link: IpLink): boolean {
  return !OVERLAYS.has(link.linkinfo?.info_kind ?? '') && !CONTAINERS.test(link.ifname ?? '')
}

/** A modem has no neighbours, and every byte on it costs. */
function isPointToPoint({ flags = [] }: IpLink): boolean {
  return flags.includes('POINTOPOINT') || flags.includes('NOARP') || !flags.includes('BROADCAST')
}

/** Each link by its name; addresses with their lengths, those of the link alone left out. */
export function linkStates(
  text: string,
): ReadonlyMap<string, { readonly up: boolean; readonly addresses: readonly string[] }> {
  return new Map(
    parseJson(text).map((link) => [
      link.ifname ?? '',
      {
        up: link.flags?.includes('UP') === true,
        addresses: globals(link).map(({ address, length }) => `${address}/${length}`),
      },
    ]),
  )
}

export function parseLinks(text: string, own: string): HostLinks {
  const links = parseJson(text)
  const mine = links.find((link) => link.ifname === own)
  const local = links
    .filter(
      (link) => link.ifname !== own && link.flags?.includes('LOOPBACK') !== true && link.flags?.includes('UP') === true,
    )
    .flatMap((link) =>
      globals(link).map(({ address, length }) => ({
        interface: link.ifname ?? '',
        address,
        cidr: blockAround(address, length),
        physical: isPhysical(link),
        ...(isPointToPoint(link) ? ({ pointToPoint: true } as const) : {}),
      })),
    )
    .sort((a, b) => compareText(a.interface, b.interface) || compareText(a.address, b.address))
  return {
    own:
      mine === undefined
        ? undefined
        : {
            up: mine.flags?.includes('UP') === true,
            mtu: mine.mtu ?? 0,
            addresses: globals(mine)
              .map(({ address, length }) => `${address}/${length}` as Cidr)
              .sort(compareCidr),
          },
    local,
  }
}
