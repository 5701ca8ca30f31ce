// By which device key each member is known: its record's, or a later one that links lead to, each signed by both keys. Links
// come in front of what a device signs, most often its facts, and count at once: from then on its former key proves nothing here.
//
// Of two links from one key the first that was heard is followed, and people are told: somebody else has that key. Which of the
// two is the device, the hub decides; what its record says ends the matter. Under a membership lock people sign for a device
// together with its key: there the record alone counts.

import type { Log, Verify } from '../../shared/effects.ts'
import type { DeviceKey, NetworkId, NodeId } from '../../shared/ids.ts'
import { deviceLinksMax } from '../../shared/limits.ts'
import { type DeviceLink, type DevicePin, isDeviceLink, linksFrom } from '../../shared/record/device-link.ts'
import type { NodeBody } from '../../shared/record/record.ts'

/** Of one member. */
const LINKS_MAX = 4 * deviceLinksMax

export interface DeviceBookOptions {
  readonly network: NetworkId
  readonly verify: Verify
  readonly log: Log
  /** What the record of a member says; undefined for everybody else. */
  readonly recorded: (node: NodeId) => DevicePin | undefined
  /** People sign for keys in this network. */
  readonly isLocked: () => boolean
}

export interface DeviceBook {
  /** Rises with every link that was taken, and with every fork. */
  revision(): number
  /** True if the member goes by another key from now on. */
  hear(node: NodeId, links: readonly DeviceLink[]): boolean
  /** This device's own links, which need no proof here. */
  state(node: NodeId, links: readonly DeviceLink[]): void
  /** The present key of a member; undefined for everybody else. */
  keyOf(node: NodeId): DeviceKey | undefined
  /** Links lead on, or led, from what the record of the node says. */
  hasLinks(node: NodeId): boolean
  /** `nodes` with the keys by which they are known now; the very list where every record says so already. */
  withDevices(nodes: readonly NodeBody[]): readonly NodeBody[]
  /** Members from one of whose keys two others were named to follow. */
  forked(): readonly NodeId[]
  /** Drops what records say by now, and links of those who left. */
  membersChanged(): void
}

export function pinOf({ deviceKey, deviceSerial = 0 }: Pick<NodeBody, 'deviceKey' | 'deviceSerial'>): DevicePin {
  return { key: deviceKey, serial: deviceSerial }
}

export function createDeviceBook(options: DeviceBookOptions): DeviceBook {
  const { isLocked, log, network, recorded, verify } = options
  const held = new Map<NodeId, readonly DeviceLink[]>()
  let own: { readonly node: NodeId; readonly links: readonly DeviceLink[] } | undefined
  /** The serial that the record had when the fork was seen. */
  const forks = new Map<NodeId, number>()
  let revision = 0

  const linksOf = (node: NodeId): readonly DeviceLink[] | undefined => (node === own?.node ? own.links : held.get(node))

  const reached = (node: NodeId, from: DevicePin): DevicePin => {
    const links = isLocked() ? undefined : linksOf(node)
    const last = links === undefined ? undefined : linksFrom(from, links).at(-1)
    return last === undefined ? from : { key: last.next, serial: last.serial }
  }

  const noteFork = (node: NodeId, serial: number): void => {
    if (forks.has(node)) return
    forks.set(node, serial)
    revision += 1
    log.warn('two keys are named to follow one device key; the first that was heard of counts', { node })
  }

  return {
    revision: () => revision,
    hear(node, links) {
      const base = recorded(node)
      if (base === undefined || isLocked()) return false
      const scope = { network, node, verify }
      const before = reached(node, base)
      const known = linksOf(node) ?? []
      const other = ({ key, next }: DeviceLink) => known.find((one) => one.key === key && one.next !== next)
      // Of keys that the record has left behind nobody asks any more.
      const counting = new Set(linksFrom(base, known).map(({ key }) => key))
      const fork = links.find((link) => counting.has(link.key) && other(link) !== undefined)
      if (fork !== undefined && !forks.has(node) && isDeviceLink(fork, scope)) noteFork(node, base.serial)
      const fresh = linksFrom(before, links, (link) => !counting.has(link.next) && isDeviceLink(link, scope))
      if (fresh.length === 0) return false
      if (node === own?.node) {
        noteFork(node, base.serial)
        return false
      }
      // No device goes so far ahead of its hub; to forget the first of them would be a step back.
      if (known.length + fresh.length > LINKS_MAX) return false
      held.set(node, [...known, ...fresh])
      revision += 1
      return true
    },
    state(node, links) {
      own = { node, links }
      if (links.length > 0) revision += 1
    },
    keyOf(node) {
      const base = recorded(node)
      return base === undefined ? undefined : reached(node, base).key
    },
    hasLinks: (node) => linksOf(node) !== undefined,
    withDevices(nodes) {
      if (held.size === 0 && (own?.links ?? []).length === 0) return nodes
      let changed = false
      const known = nodes.map((node) => {
        const base = pinOf(node)
        const { key, serial } = reached(node.nodeId, base)
        if (serial === base.serial) return node
        changed = true
        return { ...node, deviceKey: key, deviceSerial: serial }
      })
      return changed ? known : nodes
    },
    forked: () => [...forks.keys()],
    membersChanged() {
      for (const node of new Set([...held.keys(), ...forks.keys()])) {
        const base = recorded(node)
        const links = held.get(node) ?? []
        const left = base === undefined ? [] : links.filter(({ serial }) => serial > base.serial)
        if (left.length === 0) held.delete(node)
        else if (left.length < links.length) held.set(node, left)
        const seenAt = forks.get(node)
        if (seenAt !== undefined && (base === undefined || base.serial > seenAt)) forks.delete(node)
        if (left.length < links.length) revision += 1
      }
    },
  }
}
