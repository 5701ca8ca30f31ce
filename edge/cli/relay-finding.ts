// What the doctor says of a relay on this host: the ports that firewalls must let in, what carries the packets, and who
// would drop them.

import type { RunCommand } from '../host/command.ts'
import { relayMark, relayTable } from '../relay/ruleset.ts'
import { shortcutDevices } from '../relay/shortcut-filters.ts'
import { carriersText, type XdpStanding } from '../relay/shortcut-xdp.ts'
import type { Finding } from './doctor.ts'
import { type Dropper, droppers } from './droppers.ts'

export interface ShortcutLook {
  /** Why there is none; undefined where nothing is in its way. */
  readonly whyNoShortcut: () => Promise<string | undefined>
  readonly lookAtXdp: () => Promise<XdpStanding | undefined>
}

/** What carries packets, and why not what is faster. */
async function carrier(run: RunCommand, { lookAtXdp, whyNoShortcut }: ShortcutLook): Promise<string> {
  const devices = await shortcutDevices(run).catch(() => [])
  if (devices.length > 0)
    return `to relay between other nodes, ${carriersText(devices, await lookAtXdp().catch(() => undefined))}`
  return `to relay between other nodes, by nft: ${(await whyNoShortcut()) ?? 'no session has both its ends'}`
}

/** Undefined where no relay stands in the kernel, or that can't be seen. */
export async function relayFinding(run: RunCommand, shortcut: ShortcutLook): Promise<Finding | undefined> {
  const check = 'relay'
  let rules: string
  let inTheWay: readonly Dropper[]
  try {
    rules = await run(['nft', 'list', 'chain', 'inet', relayTable, 'arrive'])
    inTheWay = await droppers(run, 'forward')
  } catch {
    return undefined
  }
  const ports = [...rules.matchAll(/udp dport (?:\{ ([^}]*) \}|(\S+))/g)].map((match) => match[1] ?? match[2])
  const found = `UDP ${ports.join(', ')}: firewalls must let them in`
  const [first] = inTheWay
  const used = await carrier(run, shortcut)
  if (first === undefined) return { check, verdict: 'ok', found, used }
  const chain = `${first.family} ${first.table} ${first.name}`
  const remedy = `Let relayed packets pass: nft insert rule ${chain} meta mark and 0xffff0000 == ${relayMark} accept`
  return { check, verdict: 'note', found: `${found}; the policy of ${chain} is drop`, used, remedy }
}
