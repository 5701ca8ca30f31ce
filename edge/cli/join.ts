// The command `join`.

import { listFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { labels } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import { join } from '../enrol/join.ts'
import { proxyOf } from '../host/settings.ts'
import { openStore } from '../store/sqlite.ts'
import { type Command, writeJson } from './context.ts'

/** `key=value` words to labels. */
function parseLabels(words: readonly string[]): Record<string, string> {
  const pairs = words.map((word) => {
    const at = word.indexOf('=')
    if (at < 1)
      throw new HoldfastError('usage', `"${word}" is not a label`, { remedy: 'Write it like --label site=north.' })
    return [word.slice(0, at), word.slice(at + 1)] as const
  })
  return parseWith(labels, Object.fromEntries(pairs))
}

/** Parses the value of a flag; what is off names the flag, and is a matter of usage. */
function flagValue<T>(flag: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    const { message, remedy } = isHoldfastError(cause) ? cause : { message: String(cause), remedy: undefined }
    throw new HoldfastError('usage', message, { field: flag, cause, ...(remedy === undefined ? {} : { remedy }) })
  }
}

export const joinCommand: Command = async (cli) => {
  const token = textFlag(cli.flags, 'token')
  if (token === undefined) {
    throw new HoldfastError('usage', 'join needs --token', { remedy: 'Make one on the hub: holdfast-hub token create' })
  }
  const name = textFlag(cli.flags, 'name')
  const wait = flagValue('--timeout', () => parseWith(duration, textFlag(cli.flags, 'timeout') ?? '10m'))
  const identity = await join({
    url: cli.args[0] ?? '',
    proxy: proxyOf(cli.settings),
    token,
    ...(name === undefined ? {} : { name: flagValue('--name', () => parseName(name)) }),
    labels: flagValue('--label', () => parseLabels(listFlag(cli.flags, 'label'))),
    stateDir: cli.files.directory,
    timeoutMs: durationS(wait) * 1_000,
    clock: cli.clock,
    openStore: (path) => openStore(path, { log: cli.log }).store,
    onProgress: cli.note,
  })
  const { nodeId, network } = identity
  if (cli.json) writeJson(cli, { node: identity.name, nodeId, network: network.name, hub: identity.hubUrl })
  else {
    cli.write(`joined ${network.name} as ${identity.name} (${nodeId})\n`)
    cli.note('start the agent: systemctl enable --now holdfast, or: holdfast agent')
  }
  return 0
}
