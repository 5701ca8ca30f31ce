// Commands of the hub, carried out as the command line of this device does them: by the very same code, its words gathered
// instead of printed. Loaded when the first one comes.

import { concat, utf8 } from '../../shared/bytes.ts'
import { parseArgv, switchFlag } from '../../shared/cli/parse.ts'
import { commandResultBytesMax } from '../../shared/command-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { CommandKind, Command as HubCommand } from '../../shared/wire/command.ts'
import type { Cli, Command } from './context.ts'

interface Spoken {
  /** As somebody would type them. */
  readonly words: readonly string[]
  readonly load: () => Promise<Command>
}

const PINGS = 4

const spoken: Record<Exclude<CommandKind, 'ping' | 'history'>, Spoken> = {
  netcheck: { words: ['netcheck', '--json'], load: async () => (await import('./paths.ts')).netcheckCommand },
  bundle: {
    words: ['debug', 'bundle', '--output', '-'],
    load: async () => (await import('./debug-bundle.ts')).debugBundleCommand,
  },
  'rotate-key': {
    words: ['keys', 'rotate', '--json'],
    load: async () => (await import('./keys.ts')).keysRotateCommand,
  },
}

function spokenOf({ count = PINGS, kind, peer }: HubCommand): Spoken {
  if (kind === 'history') {
    return {
      words: ['history', peer ?? '', '--json'],
      load: async () => (await import('./history.ts')).historyCommand,
    }
  }
  if (kind !== 'ping') return spoken[kind]
  return {
    words: ['ping', peer ?? '', '--count', String(count), '--json'],
    load: async () => (await import('./look.ts')).pingCommand,
  }
}

export async function runHubCommand(cli: Cli, command: HubCommand): Promise<Uint8Array> {
  // That it came here and went back is the answer.
  if (command.kind === 'ping' && command.peer === undefined) return utf8('{"answers":[]}')
  const { load, words } = spokenOf(command)
  const parsed = parseArgv(cli.program, words, {})
  if ('help' in parsed) throw new HoldfastError('unsupported', `there is no ${words.join(' ')} here`)
  const { args, flags } = parsed
  const parts: Uint8Array[] = []
  let bytes = 0
  const write: Cli['write'] = (part) => {
    const written = typeof part === 'string' ? utf8(part) : part
    bytes += written.length
    // Told by its size afterwards; what nobody can be sent is not held.
    if (bytes <= commandResultBytesMax) parts.push(written)
  }
  const run = await load()
  await run({ ...cli, args, flags, json: switchFlag(flags, 'json'), write, note: () => undefined })
  if (bytes > commandResultBytesMax) {
    throw new HoldfastError('too-large', `the result has ${bytes} bytes, at most ${commandResultBytesMax} go`, {
      remedy: `Do it on the device: \`holdfast ${words.join(' ')}\`.`,
    })
  }
  return concat(...parts)
}
