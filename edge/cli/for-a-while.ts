// What is asked of whoever changes something by hand for a while: until when, why, and who it is.

import { textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'
import { overrideDurationMsMax, overrideDurationMsMin } from '../../shared/limits.ts'
import type { OverrideBy } from '../../shared/override/override.ts'
import type { Cli } from './context.ts'

function needed(cli: Cli, command: string, flag: 'expires' | 'reason', remedy: string): string {
  const text = textFlag(cli.flags, flag)?.trim()
  if (text !== undefined && text !== '') return text
  throw new HoldfastError('usage', `${command} needs --${flag}`, { remedy })
}

/** Milliseconds of `--expires`. Throws `usage` without one, or where it is none that anything may last. */
export function expiresMs(cli: Cli, command: string): number {
  const text = needed(cli, command, 'expires', 'Say when it is to end by itself: --expires 4h.')
  const remedy = 'Write it like 20m, 4h or 2d: a second at least, seven days at most.'
  try {
    const ms = durationS(parseWith(duration, text)) * 1_000
    if (ms >= overrideDurationMsMin && ms <= overrideDurationMsMax) return ms
  } catch {
    // Told below, in the same words.
  }
  const what = command === 'policy override' ? 'an override' : 'it'
  throw new HoldfastError('usage', `--expires ${text} is not a time that ${what} may last`, { remedy })
}

export function reasonGiven(cli: Cli, command: string): string {
  return needed(cli, command, 'reason', 'Say why, for those who come after: --reason "…".')
}

/** Who this is: the agent knows that it is root, for nobody else can reach its socket; sudo says who became root. */
export function whoAsks({ env }: Cli): OverrideBy {
  const login = env['SUDO_USER']
  const known = login !== undefined && /^[\x21-\x7e]{1,64}$/.test(login)
  return { uid: process.getuid?.() ?? 0, ...(known ? { login } : {}) }
}
