// Lines of a roster for tests, each like the others but for what a test says.

import { parseName } from '../../../shared/ids.ts'
import type { Roster, RosterLine } from '../../fleet/roster.ts'

export function line(name: string, more: Partial<RosterLine> = {}): RosterLine {
  return {
    name: parseName(name),
    network: parseName('default'),
    labels: {},
    addresses: [],
    state: 'online',
    since: 1_000,
    health: [],
    ...more,
  }
}

const meanings: Roster['meanings'] = {
  'disk-full': { severity: 'warning', title: 'The disk is full', remedy: 'Free some space.' },
  'no-wireguard': { severity: 'critical', title: 'No WireGuard', remedy: 'Install it.' },
}

export function rosterOf(...items: readonly RosterLine[]): Roster {
  return { items, meanings }
}
