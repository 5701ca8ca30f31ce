// Which interfaces may have the copies. They are decrypted, so none that carries anything else: what has an address, a route,
// or another device above it or beside it in a bridge, leads to people who were not meant.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'

const links = v.array(
  v.object({
    ifname: v.optional(v.string()),
    link: v.optional(v.string()),
    link_type: v.optional(v.string()),
    master: v.optional(v.string()),
    flags: v.optional(v.array(v.string()), []),
    linkinfo: v.optional(
      v.object({
        info_kind: v.optional(v.string()),
        /** Tunnels that go by a device name it here. */
        info_data: v.optional(v.object({ link: v.optional(v.string()) })),
      }),
    ),
    addr_info: v.optional(v.array(v.object({ local: v.optional(v.string()), scope: v.optional(v.string()) })), []),
  }),
)
type Link = v.InferOutput<typeof links>[number]
const routes = v.array(v.object({ dst: v.optional(v.string()), type: v.optional(v.string()) }))

/** Devices without a driver of hardware that end on this host; nothing else made by software does for sure. */
const LOCAL_KINDS: ReadonlySet<string> = new Set(['veth', 'dummy', 'ifb'])

const REMEDY =
  'Copies are decrypted: give them a port or one end of a veth pair that has nothing else, no address, no route, no bridge.'

function parse<T extends v.GenericSchema>(schema: T, text: string): v.InferOutput<T> {
  return parseWith(schema, JSON.parse(text.trim() === '' ? '[]' : text))
}

function whyForbidden(target: Link, all: readonly Link[]): string | undefined {
  const { addr_info, ifname = '', link, link_type, linkinfo, master } = target
  const kind = linkinfo?.info_kind
  const far = kind === 'veth' ? all.find((one) => one.ifname === link) : undefined
  // An address of the link alone comes with every device that is up.
  const address = addr_info.find(({ local, scope }) => local !== undefined && scope !== 'link')
  const above = all.find((one) => one !== far && (one.link === ifname || one.linkinfo?.info_data?.link === ifname))
  if (link_type !== 'ether') return 'is no Ethernet device'
  if (kind !== undefined && !LOCAL_KINDS.has(kind)) return `is a ${kind}, whose frames go on elsewhere`
  if (master !== undefined) return `belongs to ${master}`
  if (far?.master !== undefined) return `ends at ${far.ifname}, which belongs to ${far.master}`
  if (address !== undefined) return `has the address ${address.local}`
  return above === undefined ? undefined : `carries ${above.ifname}`
}

function refuse(what: string): never {
  throw new HoldfastError('forbidden', what, { remedy: REMEDY })
}

/** Throws where copies must not go to `to`, by what `ip -d -j address show` prints. `mesh`: its interface. */
export function checkDevice(text: string, to: string, mesh: string): void {
  const all = parse(links, text)
  if (to === mesh) refuse(`${to} is the mesh itself`)
  if (!all.some(({ ifname }) => ifname === mesh)) {
    throw new HoldfastError('not-found', `there is no ${mesh}, and nothing to copy`, {
      remedy: 'See `holdfast status`.',
    })
  }
  const target = all.find(({ ifname }) => ifname === to)
  if (target === undefined) {
    throw new HoldfastError('not-found', `there is no interface ${to}`, { remedy: 'See `ip link`.' })
  }
  const why = whyForbidden(target, all)
  if (why !== undefined) refuse(`${to} ${why}`)
  if (target.flags.includes('UP')) return
  throw new HoldfastError('conflict', `${to} is down`, { remedy: `Switch it on: ip link set ${to} up` })
}

/** The same by what `ip -j route show table all dev …` prints: of an interface that is up there are routes to its own link. */
export function checkRoutes(text: string, to: string): void {
  const route = parse(routes, text).find(({ dst = '', type }) => type !== 'multicast' && !dst.startsWith('fe80:'))
  if (route !== undefined) refuse(`${to} has a route to ${route.dst}`)
}
