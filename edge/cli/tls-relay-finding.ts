// What the doctor says of this host's own TLS relay: whether it answers where its record says, proven by the device key.

import { describeError } from '../../shared/errors.ts'
import type { Finding } from './doctor.ts'

export interface OwnTlsRelay {
  readonly port: number
  /** Finishes a handshake with what listens at the port, and proves who that is. */
  readonly dial: (port: number) => Promise<void>
}

export async function tlsRelayFinding({ dial, port }: OwnTlsRelay): Promise<Finding> {
  const check = 'relay TLS port'
  try {
    await dial(port)
    const found = `TCP ${port} answers here: firewalls must let it in`
    return { check, verdict: 'ok', found, used: 'to relay for nodes without UDP' }
  } catch (error) {
    const found = `TCP ${port} does not answer as this device: ${describeError(error)}`
    const remedy = `See who listens: ss -ltnp sport = :${port}. If it is another program, end it or set relay.tlsPort in the node’s intent.`
    return { check, verdict: 'fails', found, used: 'nothing', remedy }
  }
}
