// The command `join`.

import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import { labels } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { join } from '../enrol/join.ts'
import { takePlace } from '../host/networks.ts'
import { proxyOf } from '../host/settings.ts'
import type { Identity } from '../identity.ts'
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

function tell(cli: Parameters<Command>[0], { hubUrl, name, network, nodeId }: Identity, done: string): void {
  if (cli.json) writeJson(cli, { node: name, nodeId, network: network.name, hub: hubUrl })
  else cli.write(`${done} ${network.name} as ${name} (${nodeId})\n`)
}

function startHint(network: string | undefined): string {
  const [unit, flag] = network === undefined ? ['holdfast', ''] : [`holdfast@${network}`, ` --network ${network}`]
  return `start the agent: systemctl enable --now ${unit}, or: holdfast agent${flag}`
}

export const joinCommand: Command = async (cli) => {
  const known = switchFlag(cli.flags, 'if-needed') ? loadIdentity(cli.files) : undefined
  if (known !== undefined) {
    tell(cli, known, 'joined before:')
    return 0
  }
  const token = textFlag(cli.flags, 'token')
  if (token === undefined) {
    throw new HoldfastError('usage', 'join needs --token', { remedy: 'Make one on the hub: holdfast-hub token create' })
  }
  const { network } = cli.settings
  // First: without one it could not run.
  if (network !== undefined) takePlace(cli.files.directory)
  const name = textFlag(cli.flags, 'name')
  const wait = flagValue('--timeout', () => parseWith(duration, textFlag(cli.flags, 'timeout') ?? '10m'))
  const identity = await join({
    url: cli.args[0] ?? '',
    proxy: proxyOf(cli.settings),
    out: await cli.createHubWay?.(cli.settings, cli.log),
    token,
    ...(name === undefined ? {} : { name: flagValue('--name', () => parseName(name)) }),
    labels: flagValue('--label', () => parseLabels(listFlag(cli.flags, 'label'))),
    stateDir: cli.files.directory,
    timeoutMs: durationS(wait) * 1_000,
    clock: cli.clock,
    openStore: (path) => openStore(path, { log: cli.log }).store,
    onProgress: cli.note,
  })
  tell(cli, identity, 'joined')
  if (!cli.json) cli.note(startHint(network))
  return 0
}
