// Orders on their way to devices: signed, packed, handed to the broker.

import { base32, type Name } from '../../shared/ids.ts'
import { type Order, sealOrder } from '../../shared/wire/order.ts'
import { encodeChunks } from '../../shared/wire/sync.ts'
import type { HubOptions } from '../hub.ts'
import type { Networks } from '../publish/networks.ts'

/** Signs an order and hands it to the broker, for a device that is there. */
export function createTeller(
  { deflate, entropy, sha256, signer }: HubOptions,
  networks: Pick<Networks, 'get'>,
): (network: Name, order: Omit<Order, 'network'>) => void {
  return (network, order) => {
    const live = networks.get(network)
    if (live === undefined) return
    const deflated = deflate(sealOrder({ network: live.state.id, ...order }, signer, sha256))
    const id = base32(entropy.bytes(10), 16)
    live.link.tell(order.node, encodeChunks('order', id, deflated, sha256(deflated)))
  }
}
