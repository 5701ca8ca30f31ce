// A service of the lab: three devices that serve, one that asks by name, and what becomes of its connections.

import { join } from 'node:path'
import type { Fleet } from './fleet.ts'
import type { Running } from './host.ts'
import type { LabNode } from './node.ts'
import { resource } from './shapes.ts'
import { expect, Unmet } from './unmet.ts'
import { holds, waitFor } from './wait.ts'

const PROGRAM = join(import.meta.dirname, 'shop.ts')
const [PORT, TARGET] = [80, 8_080]
/** As often as makes it all but impossible that one of three gets none by chance: 3 · (2/3)^40, 3 in ten million. */
const VISITS = 40
const PATIENCE_MS = 30_000
/** That a backend is gone is known two misses after it went; many times that on a busy machine. */
const GONE_TIMEOUT_MS = 60_000

/** The intent: `site` serves, and lets everybody in at the port that it serves at. */
export function shopOf(site: string): readonly object[] {
  const backends = { matchLabels: { site } }
  return [
    resource('Service', 'shop', {
      ports: [{ name: 'http', port: PORT, targetPort: TARGET }],
      backends,
      probe: { port: TARGET, intervalS: 1, timeoutMs: 1_000 },
    }),
    resource('Policy', 'shop', {
      subject: { nodeSelector: backends },
      ingress: [{ ports: [{ port: TARGET }] }],
    }),
  ]
}

/** Serves there until it is killed. */
export async function openShop(
  { host, name }: Pick<LabNode, 'host'> & { readonly name: string },
  port = TARGET,
): Promise<Running> {
  const shop = host.spawn([process.execPath, PROGRAM, 'serve', name, String(port)], 'shop')
  await shop.said(/serving/)
  return shop
}

/** The virtual address, as the client's own resolver has it by name, by the port's name, and by the address. */
export async function findShop(fleet: Fleet, client: LabNode): Promise<string> {
  await fleet.sees(client, 'answers for names', ({ names }) => (names?.at.length ?? 0) > 0)
  const { names } = await client.status()
  const whole = `shop.${names?.domain ?? ''}`
  const server = `${await client.address()}:${names?.port ?? 0}`
  const found = (await client.host.exec([process.execPath, PROGRAM, 'find', server, whole])).trim()
  const [address = '', ...rest] = found.split(' ')
  expect(rest.join(' ') === `${PORT} ${whole}`, `${PORT} ${whole}`, found)
  return address
}

/** Who answered, of so many connections one after the other. */
async function visitShop({ host }: LabNode, address: string, times = VISITS): Promise<readonly string[]> {
  const said = await host.exec([process.execPath, PROGRAM, 'visit', address, String(PORT), String(times)])
  return said.trim().split('\n')
}

/** From some moment on these serve every connection, each of them some. */
export async function servedBy(client: LabNode, address: string, wanted: readonly string[]): Promise<string> {
  const { value } = await waitFor(
    `${wanted.join(', ')} serve ${client.name}`,
    async () => {
      const met = await visitShop(client, address)
      const counts = new Map<string, number>()
      for (const who of met) counts.set(who, (counts.get(who) ?? 0) + 1)
      const seen = Array.from(counts, ([who, times]) => `${who} ${times}`).sort()
      const isSo = counts.size === wanted.length && wanted.every((who) => counts.has(who))
      return isSo ? { done: seen.join(', ') } : { notYet: seen.join(', ') }
    },
    { timeoutMs: GONE_TIMEOUT_MS },
  )
  return value
}

export interface Stay {
  /** Who serves it. */
  readonly by: string
  /** Words went there and back, after this was asked. */
  goesOn(): Promise<void>
  /** Why it ended. */
  ended(): Promise<string>
}

/**
 * A connection that stays, at whichever of them the lot falls on; tried until it is the one that is wanted. `port`: that of the
 * service, unless a shop itself is gone to.
 */
export async function stayAt({ host }: LabNode, address: string, wanted: string, port = PORT): Promise<Stay> {
  for (let tries = 0; tries < VISITS; tries++) {
    const lines: string[] = []
    const argv = [process.execPath, PROGRAM, 'stay', address, String(port)]
    const running = host.spawn(argv, 'stay', (line) => void lines.push(line))
    await waitFor('somebody serves', async () => holds(lines.length > 0, 'nobody'), { timeoutMs: PATIENCE_MS })
    if (lines[0] !== wanted) {
      await running.end('SIGKILL')
      continue
    }
    return {
      by: wanted,
      async goesOn() {
        const before = lines.length
        const more = async () => holds(lines.length > before + 2 && lines.at(-1) === '.', lines.at(-1) ?? '')
        await waitFor('words go there and back', more, { timeoutMs: PATIENCE_MS })
      },
      async ended() {
        const isOver = async () => (lines.at(-1) === '.' ? { notYet: 'it goes on' } : { done: lines.at(-1) ?? '' })
        return (await waitFor('the connection ends', isOver, { timeoutMs: GONE_TIMEOUT_MS })).value
      },
    }
  }
  throw new Unmet(`the lot falls on ${wanted}`, `not in ${VISITS} times`)
}
