// Runs in namespaces of its own: an interface with fifty peers, whose endpoints are changed one at a time, in turns.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRunner } from '../../edge/drivers/command.ts'
import { addLink, removeLink } from '../../edge/drivers/link.ts'
import { createWireguardDoor } from '../../edge/drivers/wireguard-door.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { systemClock as clock } from '../../shared/host/clock.ts'
import { generateWgPrivateKey, wgPublicKey } from '../../shared/host/crypto.ts'
import { createLog } from '../../shared/host/log.ts'
import { median, quantile } from './bench.ts'

const NAME = 'hfbench'
const PEERS = 50
const CHANGES = 200
const LISTEN_PORT = 51_820

const log = createLog({ level: 'error', format: 'text', now: () => clock.now() })
const run = createRunner(log)
const directory = mkdtempSync(join(tmpdir(), 'hf-wg-set-'))
const privateKeyPath = join(directory, 'wg.key')

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = clock.monotonic()
  await work()
  return clock.monotonic() - startedAt
}

try {
  writeFileSync(privateKeyPath, `${generateWgPrivateKey()}\n`, { mode: 0o600 })
  await addLink(NAME, run, log)
  const keys = Array.from({ length: PEERS }, () => wgPublicKey(generateWgPrivateKey()))
  const peers = keys.flatMap((key, i) => ['peer', key, 'allowed-ips', `100.80.0.${i + 2}/32`])
  await run('wg', ['set', NAME, 'listen-port', String(LISTEN_PORT), 'private-key', privateKeyPath, ...peers])
  const door = createWireguardDoor({ interface: NAME, privateKeyPath, listenPort: LISTEN_PORT, clock, run })
  const byDoor: number[] = []
  const byTool: number[] = []
  for (let i = 0; i < CHANGES; i++) {
    const wgKey = keys[i % PEERS]
    if (wgKey === undefined) break
    const endpoint = parseEndpoint(`127.0.0.1:${20_000 + i}`)
    byDoor.push(await timed(() => door.point(new Map([[wgKey, endpoint]]))))
    byTool.push(await timed(() => run('wg', ['set', NAME, 'peer', wgKey, 'endpoint', `127.0.0.1:${30_000 + i}`])))
  }
  const shown = execFileSync('wg', ['show', NAME, 'endpoints'], { encoding: 'utf8' })
  if (!shown.includes(`127.0.0.1:${30_000 + CHANGES - 1}`))
    throw new HoldfastError('failed', 'the last change did not arrive')
  await removeLink(NAME, run)
  const figures = {
    doorMs: median(byDoor),
    doorMsP95: quantile(byDoor, 0.95),
    wgSetMs: median(byTool),
    wgSetMsP95: quantile(byTool, 0.95),
  }
  process.stdout.write(JSON.stringify(figures))
} finally {
  rmSync(directory, { recursive: true })
}
