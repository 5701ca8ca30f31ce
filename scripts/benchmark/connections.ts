// Idle connections that the hub's embedded broker holds at once, over TLS and with a log-in each, and what they cost it.

import { systemClock } from '../../shared/host/clock.ts'
import type { Bench, BenchContext, Figures } from './bench.ts'
import { expect, spawnWorker } from './fleet-process.ts'
import type { FromHub, FromIdlers, ToHub, ToIdlers } from './fleet-words.ts'
import { memoryOf } from './process-cost.ts'

const CONNECTIONS = 5_000
const WORKERS = 2

async function measure({ say }: BenchContext): Promise<Figures> {
  const hub = spawnWorker('hub-process.ts')
  const workers = Array.from({ length: WORKERS }, () => spawnWorker('idle-process.ts'))
  try {
    await expect<FromHub, 'listening'>(hub, 'listening')
    const admitted = expect<FromHub, 'admitted'>(hub, 'admitted')
    hub.send({ type: 'admit', count: CONNECTIONS } satisfies ToHub)
    const words = await admitted
    const emptyMiB = memoryOf(hub.pid ?? 0).rssMiB
    say(`${CONNECTIONS} log-ins known`)
    const startedAt = systemClock.monotonic()
    const counts = await Promise.all(
      workers.map(async (worker, i) => {
        const connected = expect<FromIdlers, 'connected'>(worker, 'connected')
        const idlers = words.idlers.filter((_, at) => at % WORKERS === i)
        worker.send({ ...words, idlers } satisfies ToIdlers)
        return (await connected).count
      }),
    )
    const embedded = counts.reduce((sum, count) => sum + count, 0)
    const connectS = (systemClock.monotonic() - startedAt) / 1_000
    const hubRssMiB = memoryOf(hub.pid ?? 0).rssMiB
    return { embedded, connectS, hubRssMiB, kibPerConnection: ((hubRssMiB - emptyMiB) * 1_024) / embedded }
  } finally {
    for (const child of [...workers, hub]) child.kill('SIGTERM')
  }
}

export const connections: Bench = {
  about: `${CONNECTIONS} idle TLS connections at the embedded broker`,
  runs: 1,
  budgets: { embedded: '5,000 on 2 cores' },
  measure,
}
