// Somebody on a LAN who is no member, and tries what can be tried: noise, beacons of a network of his own, bent ones, and all
// that he ever heard, played again from his own address, the oldest most often. Says how much of it he played.
//
//   lan-stranger.ts ADDRESS BROADCAST PORT

import { createSocket } from 'node:dgram'
import { type Beacon, createBeaconCodec } from '../../edge/lan/beacon.ts'
import { systemEntropy } from '../../shared/host/clock.ts'
import { hkdf, openAead, sealAead } from '../../shared/host/crypto.ts'
import { parseNetworkId, parseNodeId } from '../../shared/ids.ts'

const [, , own = '', broadcast = '', port = ''] = process.argv
const EVERY_MS = 20
const HEARD_MAX = 500
const entropy = systemEntropy
const codec = createBeaconCodec({
  network: parseNetworkId('aaaaaaaaaaaa'),
  crypto: { hkdf, seal: sealAead, open: openAead },
  entropy,
})
const keys = [entropy.bytes(32)]
const beacon: Beacon = { kind: 'call', node: parseNodeId('aaaaaaaaaaaaaaaa'), fact: entropy.bytes(300) }
const heard: Uint8Array[] = []
const played = { noise: 0, foreign: 0, bent: 0, old: 0 }

function pick(fraction: number): Uint8Array | undefined {
  return heard[Math.floor(fraction * heard.length)]
}

function bend(bytes: Uint8Array): Uint8Array {
  const bent = bytes.slice()
  const at = Math.floor(entropy.fraction() * bent.length)
  bent[at] = (bent[at] ?? 0) ^ (1 << Math.floor(entropy.fraction() * 8))
  return bent
}

function next(): Uint8Array | undefined {
  const old = pick(entropy.fraction() ** 2)
  switch (Math.floor(entropy.fraction() * 4)) {
    case 0:
      played.noise += 1
      return entropy.bytes(Math.floor(entropy.fraction() * 1_400))
    case 1:
      played.foreign += 1
      return codec.seal(keys, beacon)[0]
    case 2:
      if (old === undefined) return undefined
      played.bent += 1
      return bend(old)
    default:
      if (old !== undefined) played.old += 1
      return old
  }
}

const socket = createSocket({ type: 'udp4', reuseAddr: true })
socket.on('message', (bytes, { address }) => {
  if (address !== own && heard.length < HEARD_MAX) heard.push(Uint8Array.from(bytes))
})
socket.bind(Number(port), () => {
  socket.setBroadcast(true)
  process.stdout.write('listening\n')
  let rounds = 0
  setInterval(() => {
    const bytes = next()
    if (bytes !== undefined) socket.send(bytes, Number(port), broadcast, () => undefined)
    rounds += 1
    if (rounds % 50 === 0) process.stdout.write(`played ${JSON.stringify(played)} of ${heard.length} heard\n`)
  }, EVERY_MS)
})
