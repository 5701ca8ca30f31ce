// What a device does when its hub says so, by its setting.

import { type CommandKind, commandKinds } from '../../shared/wire/command.ts'
import type { Settings } from './settings.ts'

/**
 * All of them where nothing is said: those that look tell a hub little that it does not know, and whoever could misuse another
 * key holds the hub already, which says who is a member. A device that nobody can visit is worth being looked at from afar.
 */
export function commandKindsOf({ commands }: Pick<Settings, 'commands'>): readonly CommandKind[] {
  if (commands === 'off') return []
  return commands === 'look' ? commandKinds.filter((kind) => kind !== 'rotate-key') : commandKinds
}
