// What this node holds of intent, and its own overrides: from the agent, or without one from the cache.

import { type Fact, openFact } from '../../shared/fact/fact.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { inflate } from '../../shared/host/inflate.ts'
import type { NodeId } from '../../shared/ids.ts'
import type { OverrideView } from '../../shared/override/report.ts'
import { parseSnapshot, snapshotFrameMax, unframe } from '../../shared/record/delta.ts'
import { followDevice, splitLed } from '../../shared/record/device-link.ts'
import { formatVersion } from '../../shared/record/head.ts'
import { type ParsedRecords, parseRecords } from '../../shared/record/parsed.ts'
import type { BodyOf } from '../../shared/record/record.ts'
import { carriedSnapshot, parseCarried } from '../../shared/wire/carried.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { pinOf } from '../keys/device-book.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { cachedStatus } from './cached.ts'
import { intentFile } from './carry.ts'
import type { Cli } from './context.ts'

export interface Known {
  readonly records: ParsedRecords
  readonly factOf: (node: BodyOf<'node'>) => Fact | undefined
}

/** Of a file of intent that this node handed out: it verified them when they came. */
export function recordsOf(file: Uint8Array): ParsedRecords {
  const { payload } = unframe(inflate(carriedSnapshot(file), snapshotFrameMax), snapshotFrameMax)
  return parseRecords(parseSnapshot(payload)).records
}

/** What this node holds was verified when it came; of facts only what still reads is taken. */
export async function readKnown(cli: Cli): Promise<Known> {
  const file = await intentFile(cli)
  const records = recordsOf(file)
  const network = loadIdentity(cli.files)?.network.id
  const envelopes = new Map<NodeId, Uint8Array>()
  for (const frame of parseCarried(file)) {
    if (frame.type === 'fact') envelopes.set(frame.node, frame.envelope)
    else if (frame.type === 'state')
      cli.note(`asked of revision ${formatVersion(frame.state.version)}, which this node holds`)
  }
  return {
    records,
    factOf(node) {
      const { nodeId } = node
      const said = envelopes.get(nodeId)
      try {
        if (said === undefined || network === undefined) return undefined
        const { envelope, links } = splitLed(said)
        const { key } = followDevice(pinOf(node), links, { network, node: nodeId, verify })
        return openFact(envelope, nodeId, key, verify, sha256)
      } catch {
        // Of a device that took the place of another under the same name: what the former one said counts no more.
        return undefined
      }
    },
  }
}

/** Those in force on this node, and the last that ended. */
export async function overridesHere(cli: Cli): Promise<readonly OverrideView[]> {
  try {
    return (await createLocalClient(cli.files.socket).overrides()).overrides
  } catch (error) {
    if (isAgentDown(error)) return cachedStatus(cli).overrides
    throw error
  }
}
