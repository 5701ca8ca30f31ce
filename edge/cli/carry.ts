// `holdfast export` and `import`: intent that a person carries where no network leads.

import { readFileSync } from 'node:fs'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { writeAtomic } from '../../shared/host/files.ts'
import { gossipFileBytesMax } from '../../shared/limits.ts'
import { encodeSnapshot } from '../../shared/record/delta.ts'
import { formatVersion, noVersion } from '../../shared/record/head.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { writeCarried } from '../gossip/carried.ts'
import { rootHalf } from '../gossip/state.ts'
import { openLockFile } from '../host/lock-file.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { createHolding } from '../trust/holding.ts'
import { pinnedAnchors } from '../trust/own-root.ts'
import { withStore } from './cached.ts'
import { type Cli, type Command, writeJson } from './context.ts'

/** What the cache holds, of an agent that does not run. */
function fromCache(cli: Cli): Uint8Array {
  const identity = loadIdentity(cli.files)
  const file = withStore(cli, (store) => {
    if (identity === undefined) return undefined
    const anchors = pinnedAnchors(identity, openLockFile(cli.files.rootPin), { sha256, verify })
    const holding = createHolding(anchors, store, cli.log)
    holding.load()
    const [held, facts] = [holding.held(), store.loadFacts()]
    return writeCarried({
      state: () => ({
        version: held?.version ?? noVersion,
        root: rootHalf(held),
        facts: new Uint8Array(rootHalf(held).length),
        online: false,
      }),
      intentFor: () =>
        held === undefined
          ? { type: 'end' }
          : { type: 'snapshot', deflated: deflate(encodeSnapshot(held.records, held.envelope)) },
      stamps: () => new Map([...facts.keys()].map((node) => [node, { boot: 0, seq: 0 }])),
      fact: (node) => facts.get(node),
    })
  })
  if (file !== undefined) return file
  throw new HoldfastError('not-found', 'this device has not joined a network', {
    remedy: 'Run `holdfast join URL --token T`, or give the right --state.',
  })
}

/** All that this node holds of its network, from the agent or, without one, from the cache. */
export async function intentFile(cli: Cli): Promise<Uint8Array> {
  try {
    return await createLocalClient(cli.files.socket).exportIntent()
  } catch (error) {
    if (isAgentDown(error)) return fromCache(cli)
    throw error
  }
}

export const exportCommand: Command = async (cli) => {
  const path = cli.args[0] ?? '-'
  const file = await intentFile(cli)
  if (path === '-') {
    cli.write(file)
    return 0
  }
  writeAtomic(path, file, 0o644)
  if (cli.json) writeJson(cli, { file: path, bytes: file.length })
  else cli.write(`${path}: ${file.length} bytes\n`)
  return 0
}

function readFile(path: string): Uint8Array {
  try {
    const file = readFileSync(path === '-' ? 0 : path)
    if (file.length <= gossipFileBytesMax) return file
  } catch (cause) {
    throw new HoldfastError('not-found', `cannot read ${path}: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    })
  }
  throw new HoldfastError('too-large', `${path} is larger than any file of intent`)
}

export const importCommand: Command = async (cli) => {
  const path = cli.args[0] ?? '-'
  const answer = await createLocalClient(cli.files.socket).importIntent(readFile(path))
  const revision = formatVersion(answer.held)
  if (cli.json) writeJson(cli, answer)
  else if (answer.taken) cli.write(`revision ${revision} is taken; peers are told of it\n`)
  else cli.write(`the file brings nothing newer: revision ${revision} is held\n`)
  return 0
}
