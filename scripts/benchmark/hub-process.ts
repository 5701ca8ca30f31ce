// A real hub with its embedded broker and its databases on disk, in a process of its own, so that its processor time and
// memory can be read from outside. Without the REST door: enrolment and changes come over IPC.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAccessStore } from '../../cloud/access/access-store.ts'
import type { Actor } from '../../cloud/audit.ts'
import { createHub } from '../../cloud/create-hub.ts'
import type { Hub } from '../../cloud/hub.ts'
import { type BrokerSide, createBrokerSide } from '../../cloud/serve/broker-side.ts'
import { openHubStore } from '../../cloud/store/sqlite.ts'
import { openTls } from '../../cloud/tls/authority.ts'
import { openHubKeys } from '../../cloud/tls/hub-keys.ts'
import { parseCidr } from '../../shared/address/cidr.ts'
import { toBase64 } from '../../shared/bytes.ts'
import { describeError } from '../../shared/errors.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../shared/host/clock.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { deflate } from '../../shared/host/deflate.ts'
import { createLog } from '../../shared/host/log.ts'
import { ownPort } from '../../shared/host/own-port.fake.ts'
import { base32, parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { tokenSpec } from '../../shared/intent/token.ts'
import { deviceFromSeed, enrol } from '../simulator/device.ts'
import { fleetNetwork, fleetPolicy } from './fleet-policy.ts'
import { type FromHub, type Idler, nowNs, type Recruit, type ToHub } from './fleet-words.ts'

const actor: Actor = { name: 'bench', role: 'admin' }
const log = createLog({ level: 'error', format: 'text', now: () => clock.now() })

function tell(words: FromHub): void {
  process.send?.(words)
}

/** A port that was free a moment ago: devices are told the port before the broker opens it. */
interface Started {
  readonly hub: Hub
  readonly broker: BrokerSide
  readonly authority: string
}

async function startHub(directory: string): Promise<Started> {
  const host = '127.0.0.1'
  const tls = openTls({ directory: join(directory, 'tls'), hosts: [host], clock, entropy, log })
  const keys = openHubKeys(directory, tls.authorityDer, clock)
  const store = openAccessStore(join(directory, 'access.db'))
  const mqtt = { host, port: await ownPort() }
  const outside = { publicHost: host, publicPort: mqtt.port, proxies: [parseCidr('127.0.0.0/8')] }
  const broker = await createBrokerSide({ store, tls, mqtt, ...outside, clock, entropy, log })
  await broker.open()
  const hub = createHub(
    {
      clock,
      entropy,
      log,
      sha256,
      verify,
      deflate,
      ...keys,
      bus: broker.bus,
      brokerAccess: broker.access,
      broker: broker.told,
    },
    openHubStore(join(directory, 'hub.db'), log),
  )
  await hub.start()
  return { hub, broker, authority: keys.anchor.tlsAuthority }
}

async function recruit(hub: Hub, count: number): Promise<readonly Recruit[]> {
  hub.put(fleetNetwork(), actor)
  const { token } = hub.createToken(parseWith(tokenSpec, { uses: count }), actor)
  const recruits: Recruit[] = []
  for (let i = 0; i < count; i++) {
    const seed = entropy.bytes(32)
    const device = deviceFromSeed(`node-${i}`, seed)
    const { identity } = await enrol(hub, token, device)
    recruits.push({ name: device.name, seed: toBase64(seed), identity })
  }
  return recruits
}

/** Credentials for connections that no device stands behind. */
async function admit({ authority, broker }: Started, count: number): Promise<FromHub> {
  const network = parseNetworkId(base32(entropy.bytes(10), 12))
  const idlers: Idler[] = []
  for (let i = 0; i < count; i++) {
    const node = parseNodeId(base32(entropy.bytes(10), 16))
    const password = base32(entropy.bytes(20), 32)
    await broker.access.allow(node, network, password)
    idlers.push({ node, password })
  }
  return { type: 'admitted', idlers, network, url: broker.told.url, authority }
}

async function answer(started: Started, words: ToHub): Promise<void> {
  const { hub } = started
  switch (words.type) {
    case 'admit':
      tell(await admit(started, words.count))
      return
    case 'enrol':
      tell({ type: 'enrolled', recruits: await recruit(hub, words.count) })
      return
    case 'change': {
      const atNs = nowNs().toString()
      hub.put(fleetPolicy(words.port), actor)
      tell({ type: 'changed', port: words.port, atNs })
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), 'hf-bench-hub-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
process.on('SIGTERM', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
const started = await startHub(directory)
process.on('message', (words: ToHub) => {
  answer(started, words).catch((error: unknown) => tell({ type: 'failed', why: describeError(error) }))
})
tell({ type: 'listening' })
