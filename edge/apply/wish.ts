// What the device should look like, worked out only when something it follows from has changed.

import type { Endpoint } from '../../shared/address/endpoint.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import type { AgentSettings } from '../agent.ts'
import type { EndpointBook } from '../paths/endpoint-book.ts'
import { desire, type Wish } from '../plan/desire.ts'
import type { LocalAddress } from '../plan/observed.ts'
import type { Readable } from '../trust/accept.ts'

export interface Wishes {
  /** `localKey` names the content of `local`. */
  of(held: Readable, local: readonly LocalAddress[], localKey: string): Wish
}

const NOWHERE: ReadonlyMap<NodeId, Endpoint> = new Map()

/** Endpoints change every few seconds while peers are searched; policy and routes don't follow from them. */
function withEndpoints(wish: Wish, endpoints: EndpointBook['chosen']): Wish {
  if (endpoints.size === 0) return wish
  const peers = wish.desired.peers.map((peer) => {
    const endpoint = endpoints.get(peer.node)
    return endpoint === undefined ? peer : { ...peer, endpoint }
  })
  return { ...wish, desired: { ...wish.desired, peers } }
}

export function createWishes(self: NodeId, wgKey: WgKey, settings: AgentSettings, endpoints: EndpointBook): Wishes {
  let heldBefore: Readable | undefined
  let localBefore = ''
  let base: Wish | undefined
  let endpointsBefore = -1
  let whole: Wish | undefined

  return {
    of(held, local, localKey) {
      if (base === undefined || held !== heldBefore || localKey !== localBefore) {
        const { controlPort, interface: name, listenPort, meshPort } = settings
        const { records } = held.parsed
        base = desire({
          records,
          self,
          wgKey,
          interface: name,
          listenPort,
          meshPort,
          controlPort,
          endpoints: NOWHERE,
          local,
        })
        heldBefore = held
        localBefore = localKey
        whole = undefined
      }
      if (whole === undefined || endpoints.revision() !== endpointsBefore) {
        whole = withEndpoints(base, endpoints.chosen)
        endpointsBefore = endpoints.revision()
      }
      return whole
    },
  }
}
