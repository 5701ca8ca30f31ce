// The chain of root keys of a hub, in its data directory: what leads who pins a former root to the present one.

import { join } from 'node:path'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { rootChain, rootsBefore, type SignedRoot } from '../../shared/record/root.ts'

export const rootChainFile = 'root-chain.json'

/** What `text` holds, given that it leads to `root`; nothing where the root was never rotated. */
export function parseRootChain(text: string | undefined, root: Uint8Array, from: string): readonly SignedRoot[] {
  if (text === undefined) return []
  try {
    const chain = parseWith(rootChain, JSON.parse(text))
    rootsBefore(root, chain, { sha256, verify })
    return chain
  } catch (cause) {
    throw new HoldfastError('corrupt', `${rootChainFile} in ${from} cannot be used: ${describeError(cause)}`, {
      cause,
      remedy: 'Bring it back from a backup: devices that joined under a former root key find the present one by it.',
    })
  }
}

export function readRootChain(directory: string, root: Uint8Array): readonly SignedRoot[] {
  return parseRootChain(readIfThere(join(directory, rootChainFile)), root, directory)
}

export function rootChainText(chain: readonly SignedRoot[]): string {
  return `${JSON.stringify(chain, undefined, 2)}\n`
}
