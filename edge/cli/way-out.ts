// `holdfast explain ADDRESS` for an address that is nobody's of the mesh.

import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import type { AgentStatus } from '../agent.ts'
import { createLocalClient } from '../local/client.ts'
import { type Cli, writeJson } from './context.ts'
import { wayOut, wayOutText } from './exit-text.ts'
import { recordsOf } from './known.ts'

function addressIn(text: string): Address | undefined {
  if (!/[.:]/.test(text)) return undefined
  try {
    return parseAddress(text)
  } catch {
    // A name may have dots.
    return undefined
  }
}

function isOfMesh({ addresses, peers }: AgentStatus, address: Address): boolean {
  // Own addresses may come with the length of their block.
  const own = addresses.some((one) => one.replace(/\/.*/, '') === address)
  return own || peers.some((peer) => peer.addresses.some((one) => one === address))
}

/** The exit code: 1 where it is blocked. Undefined where it is no address, or one of the mesh. */
export async function explainWayOut(cli: Cli, wanted: string): Promise<number | undefined> {
  const address = addressIn(wanted)
  if (address === undefined) return undefined
  const client = createLocalClient(cli.files.socket)
  const status = await client.status(false)
  if (isOfMesh(status, address)) return undefined
  const found = wayOut(recordsOf(await client.exportIntent()), status.nodeId, address, status)
  if (found === undefined) return undefined
  if (cli.json) writeJson(cli, found)
  else cli.write(wayOutText(found))
  return found.way === 'blocked' ? 1 : 0
}
