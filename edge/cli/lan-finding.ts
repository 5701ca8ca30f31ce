// What the doctor says of beacons: the port that this host's firewall must let in, and whether it does.

import type { RunCommand } from '../host/command.ts'
import type { Settings } from '../host/settings.ts'
import { beaconGroup } from '../lan/links.ts'
import type { Finding } from './doctor.ts'
import { type Dropper, droppers } from './droppers.ts'

/** Somewhere in the table a rule names the port: its chains may jump to each other. */
function names(rules: string, port: number): boolean {
  return new RegExp(`dport (?:\\{[^}]*\\b${port}\\b|${port}\\b)`).test(rules)
}

/** Firewalls of this host that drop beacons. */
async function inTheWay(run: RunCommand, port: number): Promise<readonly Dropper[]> {
  const found: Dropper[] = []
  for (const one of await droppers(run, 'input')) {
    const rules = await run(['nft', 'list', 'table', one.family, one.table])
    if (!names(rules, port)) found.push(one)
  }
  return found
}

export async function lanFinding(
  run: RunCommand,
  { lan, lanPort }: Pick<Settings, 'lan' | 'lanPort'>,
): Promise<Finding> {
  const check = 'LAN beacons'
  if (!lan) {
    const remedy = 'Set lan: true, or leave it: nodes of one LAN then need the hub or a relay to find each other.'
    return { check, verdict: 'note', found: 'switched off', used: 'what the hub and relays tell', remedy }
  }
  const used = 'to find nodes of the same LAN with nobody else there'
  const found = `UDP ${lanPort}, broadcast and group ${beaconGroup}`
  // Where nft can't be asked, another finding says so.
  const [first] = await inTheWay(run, lanPort).catch(() => [])
  if (first === undefined) return { check, verdict: 'ok', found, used }
  const chain = `${first.family} ${first.table} ${first.name}`
  const remedy = `Let neighbours' beacons in: nft insert rule ${chain} udp dport ${lanPort} accept; the same with tcp lets them exchange newer intent`
  return { check, verdict: 'note', found: `${found}; the policy of ${chain} is drop`, used: 'what comes in', remedy }
}
