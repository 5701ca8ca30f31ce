// The other nodes of a fleet in which one device is measured: each enrolled for itself, with its own connection to the broker,
// its presence, its fact and its status. That is all an idle agent lets others hear. Started by the idle-bytes benchmark,
// with the directory of their state directories and the ids of the relays that they reach.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { loadKeys } from '../../edge/enrol/device-keys.ts'
import { loadIdentity } from '../../edge/enrol/identity-file.ts'
import { createBrokerLink } from '../../edge/host/broker-link.ts'
import { stateFiles } from '../../edge/host/files.ts'
import { createHubLink } from '../../edge/link/hub-link.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sealFact } from '../../shared/fact/fact.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../shared/host/clock.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { createLog } from '../../shared/host/log.ts'
import { createMqttBusFactory } from '../../shared/host/mqtt-bus.ts'
import { parseNodeId } from '../../shared/ids.ts'

const [root = '', ...relays] = process.argv.slice(2)
const log = createLog({ level: 'error', format: 'text', now: () => clock.now() })
const nothing = (): void => undefined
/** What they would make of a new set stays inside of them. */
const deaf = { up: nothing, down: nothing, hubOnline: nothing, onHead: nothing, onDelta: nothing, onReply: nothing }

function factOf(index: number, at: Clock) {
  const port = 40_000 + index
  return {
    boot: 1,
    seq: 1,
    candidates: [
      { kind: 'lan' as const, endpoint: parseEndpoint(`192.168.${index % 200}.11:51820`) },
      { kind: 'mapped' as const, endpoint: parseEndpoint(`198.51.100.${(index % 200) + 1}:${port}`) },
    ],
    observed: [],
    relays: relays.map((id) => parseNodeId(id)),
    natType: 'endpoint-independent' as const,
    at: at.now(),
  }
}

function enter(name: string, index: number): void {
  const files = stateFiles(join(root, name))
  const [identity, keys] = [loadIdentity(files), loadKeys(files)]
  if (identity === undefined || keys === undefined) throw new HoldfastError('not-found', `${name} has not joined`)
  const { password, username } = identity.broker
  const connect = createBrokerLink({ identity, clock, floor: () => 0, log, onCertificate: nothing })
  const { nodeId } = identity
  const link = createHubLink({
    bus: createMqttBusFactory({ connect, clientId: nodeId, username, password, keepaliveS: 60, clock, entropy, log }),
    network: identity.network.id,
    node: nodeId,
    clock,
    entropy,
    log,
    sync: deaf,
    onFact: nothing,
    onRefused: nothing,
    onChange: nothing,
  })
  link.start()
  link.announce(sealFact({ ...factOf(index, clock), node: nodeId }, keys.signer, sha256), false)
}

for (const [index, name] of readdirSync(root).sort().entries()) enter(name, index)
process.stdout.write('the crowd is there\n')
