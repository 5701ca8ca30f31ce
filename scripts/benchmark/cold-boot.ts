// Cold boot: a device is switched on where no hub, no default route and no name server exist, and pings its neighbour
// over the mesh. From the start of the process to the first answer; once more where the neighbour is not where it was.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastGoodKey } from '../../edge/agent-parts.ts'
import { stateFiles } from '../../edge/host/files.ts'
import { openStore } from '../../edge/store/sqlite.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { createLog } from '../../shared/host/log.ts'
import type { Bench, Figures } from './bench.ts'
import { type CraftedNode, craftFleet } from './crafted-fleet.ts'
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

/** Where the peer was before; nobody is there now. */
const GONE = '10.99.0.200:51820'

/** What the device remembers of the peer from before it was switched off. */
function remember(own: CraftedNode, peer: CraftedNode, endpoint: string): void {
  const log = createLog({ level: 'error', format: 'text', now: () => systemClock.now() })
  const { store } = openStore(stateFiles(own.stateDir).database, { log })
  store.set(lastGoodKey, JSON.stringify({ [peer.body.nodeId]: endpoint }))
  store.close()
}

/** `stale`: the peer has another address than when the device saw it last. */
async function boot(tag: string, stale: boolean): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const wire = layWire(tag)
  try {
    const [here, there] = wire.hosts
    const [own, peer] = craftFleet(root, [`${here.address}:51820`, `${there.address}:51820`])
    if (own === undefined || peer === undefined) throw new HoldfastError('failed', 'no fleet')
    if (stale) remember(own, peer, GONE)
    there.spawn([launcher, 'agent', '--state', peer.stateDir])
    // The neighbour has been up for long, and its tries to reach us have gone quiet.
    await sleep(4_000)
    const ping = firstPing(here, peer.meshAddress)
    here.spawn([launcher, 'agent', '--state', own.stateDir])
    return await ping
  } finally {
    await wire.remove()
    rmSync(root, { recursive: true, force: true })
  }
}

async function measure(): Promise<Figures> {
  return { firstPingMs: await boot('boot', false), stalePingMs: await boot('stale', true) }
}

export const coldBoot: Bench = {
  about: 'process start until the first mesh ping is answered, without hub and default route',
  runs: 5,
  budgets: { firstPingMs: '≤ 1000 on x64', stalePingMs: '≤ 1500 on x64' },
  measure,
}
