// A plan as the commands a person would type, or close to it: what would change, in the order in which it would.

import type { ShownOp, ShownPolicy } from '../local/shown-op.ts'
import type { DesiredRoute } from '../plan/desired.ts'
import { exitTable, exitTableName } from '../plan/exit-setup.ts'

function peerWords(op: Extract<ShownOp, { op: 'peer-set' }>): string {
  const parts = [`peer ${op.wgKey}`]
  if (op.allowedIps !== undefined) parts.push(`allowed-ips ${op.allowedIps.join(',')}`)
  if (op.endpoint !== undefined) parts.push(`endpoint ${op.endpoint}`)
  if (op.keepaliveS !== undefined) parts.push(`persistent-keepalive ${op.keepaliveS}`)
  return parts.join(' ')
}

function routeWords({ destination, metric, mtu, source }: DesiredRoute, device: string): string {
  const more = [...(mtu === undefined ? [] : [` mtu ${mtu}`]), ...(source === undefined ? [] : [` src ${source}`])]
  return `${destination} dev ${device} metric ${metric}${more.join('')}`
}

/** Whoever enforces it, and how often it changes by time alone. */
function entriesOf({ policy }: ShownPolicy): number {
  return policy.phases.reduce((sum, { entries }) => sum + entries, 0)
}

/** One line for each operation; `device` is the name of the interface. */
function opText(op: ShownOp, device: string): string {
  switch (op.op) {
    case 'policy-set':
      return `policy: another table (${entriesOf(op)} entries)`
    case 'ruleset-set':
      return `nft: replace table inet holdfast (${op.ruleset.split('\n').length} lines)`
    case 'services-set':
      return op.services === ''
        ? 'nft: delete table inet holdfast_services'
        : `nft: replace table inet holdfast_services (${op.services.split('\n').length} lines)`
    case 'exit-set':
      return op.exit === undefined
        ? `nft: delete table inet ${exitTableName}, and ip rules to table ${exitTable}`
        : `nft: replace table inet ${exitTableName}, and ${op.exit.rules.length} ip rules to table ${exitTable}`
    case 'link-add':
      return `ip link add ${device} type wireguard`
    case 'device-set':
      return `wg set ${device} listen-port ${op.listenPort} private-key … (public ${op.wgKey})`
    case 'peer-set':
      return `wg set ${device} ${peerWords(op)}`
    case 'peer-remove':
      return `wg set ${device} peer ${op.wgKey} remove`
    case 'address-add':
      return `ip address add ${op.cidr} dev ${device}`
    case 'address-remove':
      return `ip address del ${op.cidr} dev ${device}`
    case 'link-set':
      return `ip link set ${device} mtu ${op.mtu} up`
    case 'forwarding-on':
      return op.family === 4 ? 'sysctl net.ipv4.ip_forward=1' : 'sysctl net.ipv6.conf.all.forwarding=1'
    case 'route-add':
      return `ip route add ${routeWords(op, device)}`
    case 'route-change':
      return `ip route replace ${routeWords(op, device)}`
    case 'route-remove':
      return `ip route del ${op.destination} dev ${device} metric ${op.metric}`
  }
}

export function planText(ops: readonly ShownOp[], device: string): string {
  if (ops.length === 0) return 'nothing to do: the kernel is as the intent says\n'
  return `${ops.map((op) => opText(op, device)).join('\n')}\n`
}
