// The broker credentials of a device: made here, told to the broker, handed to the device, and kept by nobody else.

import { toBase64Url } from '../../shared/bytes.ts'
import type { Entropy } from '../../shared/effects.ts'
import type { NetworkId, NodeId } from '../../shared/ids.ts'
import type { BrokerLogIn } from '../../shared/wire/enrol.ts'
import type { BrokerAccess } from '../broker-access.ts'
import type { HubOptions } from '../hub.ts'

export interface LogInOptions {
  readonly entropy: Entropy
  readonly access: BrokerAccess
  readonly broker: HubOptions['broker']
}

/** In place of those it may have had. */
export async function giveLogIn(options: LogInOptions, nodeId: NodeId, network: NetworkId): Promise<BrokerLogIn> {
  const password = toBase64Url(options.entropy.bytes(32))
  await options.access.allow(nodeId, network, password)
  const { tlsAuthority, url, webSocketPath } = options.broker
  return {
    url,
    webSocketPath,
    username: nodeId,
    password,
    ...(tlsAuthority === undefined ? {} : { tlsAuthority }),
  }
}
