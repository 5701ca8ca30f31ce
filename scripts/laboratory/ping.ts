// Pings of the lab: every pair at once, and a watch that counts what is lost while something else happens.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from './host.ts'
import { type Waited, waitFor } from './wait.ts'

export interface Pinger {
  readonly host: Host
  readonly addresses: readonly string[]
}

/** Asks all addresses at once, each once; prints those that answer. */
const ASK = 'for a in "$@"; do (ping -n -q -c 1 -W 1 "$a" >/dev/null 2>&1 && echo "$a") & done; wait'

/** Which of the addresses answer one ping from the host. */
export async function answering(host: Host, addresses: readonly string[]): Promise<ReadonlySet<string>> {
  if (addresses.length === 0) return new Set()
  const { stdout } = await host.attempt(['sh', '-c', ASK, 'sh', ...addresses])
  return new Set(stdout.split('\n').filter(Boolean))
}

export interface MeshOptions {
  readonly timeoutMs: number
  /** Called with the pairs that answered so far and how many there are. */
  readonly onProgress?: (answered: number, pairs: number) => void
}

/** Waits until every pinger reached every address of every other once. */
export async function waitForMesh(pingers: readonly Pinger[], options: MeshOptions): Promise<Waited<number>> {
  const missing = new Map<Pinger, Set<string>>()
  for (const one of pingers) {
    missing.set(one, new Set(pingers.filter((other) => other !== one).flatMap(({ addresses }) => addresses)))
  }
  const count = (): number => [...missing.values()].reduce((sum, { size }) => sum + size, 0)
  const pairs = count()
  const round = async (): Promise<void> => {
    await Promise.all(
      [...missing].map(async ([{ host }, wanted]) => {
        for (const address of await answering(host, [...wanted])) wanted.delete(address)
      }),
    )
    options.onProgress?.(pairs - count(), pairs)
  }
  const seen = (): string =>
    [...missing]
      .flatMap(([{ host }, wanted]) => [...wanted].map((address) => `${host.name} has no answer from ${address}`))
      .slice(0, 8)
      .join('; ')
  return waitFor(
    `answers to mesh pings between all ${pingers.length} nodes`,
    async () => {
      await round()
      return count() === 0 ? { done: pairs } : { notYet: seen() }
    },
    { timeoutMs: options.timeoutMs },
  )
}

export interface PingReport {
  readonly sent: number
  readonly lost: number
  /** The longest row of lost pings, as time. */
  readonly gapMs: number
}

export interface PingWatch {
  /** Ends the watch and counts. */
  stop(): Promise<PingReport>
}

/** Pings of the last tenth of a second may still be under way when the watch ends. */
const IN_FLIGHT_MS = 100

/** Pings without pause until stopped. */
export function watchPing(host: Host, address: string, everyMs = 20): PingWatch {
  const answered = new Set<number>()
  let sent = 0
  const running = host.spawn(['ping', '-n', '-i', String(everyMs / 1_000), address], 'ping', (line) => {
    const seq = /bytes from .* icmp_seq=(\d+)/.exec(line)?.[1]
    if (seq !== undefined) answered.add(Number(seq))
    const total = /^(\d+) packets transmitted/.exec(line)?.[1]
    if (total !== undefined) sent = Number(total)
  })
  return {
    async stop() {
      await running.end('SIGINT')
      // The last lines of a program may come after its end.
      await sleep(20)
      const judged = sent - Math.ceil(IN_FLIGHT_MS / everyMs)
      let lost = 0
      let row = 0
      let longest = 0
      for (let seq = 1; seq <= judged; seq++) {
        row = answered.has(seq) ? 0 : row + 1
        if (row > 0) lost++
        longest = Math.max(longest, row)
      }
      return { sent: judged, lost, gapMs: longest * everyMs }
    },
  }
}
