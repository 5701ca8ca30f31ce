// Cold boot: a device is switched on where no hub, no default route and no name server exist, and pings its neighbour
// over the mesh. From the start of the process to the first answer.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import type { Bench, Figures } from './bench.ts'
import { craftFleet } from './crafted-fleet.ts'
import { type Host, layWire } from './site.ts'

const launcher = resolve(import.meta.dirname, '../../build/out/holdfast')
const TIMEOUT_MS = 30_000

/** Milliseconds until `host` has one answer from `address`: tries again while there is no route, then every 20 ms. */
async function firstPing(host: Host, address: string): Promise<number> {
  const startedAt = systemClock.monotonic()
  const script = 'until ping -n -q -i 0.02 -c 1 -w 5 "$0"; do sleep 0.005; done'
  const probe = host.spawn(['sh', '-c', script, address])
  const timer = setTimeout(() => probe.kill('SIGKILL'), TIMEOUT_MS)
  const [code] = (await once(probe, 'exit')) as [number | null]
  clearTimeout(timer)
  if (code !== 0) throw new HoldfastError('failed', `no answer from ${address} within ${TIMEOUT_MS / 1_000} s`)
  return systemClock.monotonic() - startedAt
}

async function measure(): Promise<Figures> {
  const root = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const wire = layWire('boot')
  try {
    const [here, there] = wire.hosts
    const [own, peer] = craftFleet(root, [`${here.address}:51820`, `${there.address}:51820`])
    if (own === undefined || peer === undefined) throw new HoldfastError('failed', 'no fleet')
    there.spawn([launcher, 'agent', '--state', peer.stateDir])
    // The neighbour has been up for long, and its tries to reach us have gone quiet.
    await sleep(4_000)
    const ping = firstPing(here, peer.meshAddress)
    here.spawn([launcher, 'agent', '--state', own.stateDir])
    return { firstPingMs: await ping }
  } finally {
    await wire.remove()
    rmSync(root, { recursive: true, force: true })
  }
}

export const coldBoot: Bench = {
  about: 'process start until the first mesh ping is answered, without hub and default route',
  runs: 5,
  budgets: { firstPingMs: '≤ 1000 on x64' },
  measure,
}
