// wireguard-go, spoken to through its own socket: the cross-platform userspace protocol of WireGuard, three times as fast
// as starting `wg`. A request and a reply are lines `key=value` that end with an empty one.

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Cidr } from '../../shared/address/cidr.ts'
import { toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { wgPublicKey } from '../../shared/host/crypto.ts'
import type { WgKey } from '../../shared/ids.ts'
import { commandOutputMax, commandTimeoutMsMax } from '../../shared/limits.ts'
import type { ObservedDevice, ObservedPeer } from '../plan/observed.ts'
import type { PeerOp, WireguardDevice } from './wireguard.ts'
import { createPeerTexts, createWireguardTexts, remembersLast, type WireguardTexts } from './wireguard-texts.ts'

export function socketPath(name: string): string {
  return `/var/run/wireguard/${name}.sock`
}

function hexOf(base64: string): string {
  return toHex(Buffer.from(base64, 'base64'))
}

function base64Of(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64')
}

/** Sends one request. Throws `unreachable` where nobody listens and `failed` where the daemon refuses. */
function ask(path: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let reply = ''
    const fail = (code: 'unreachable' | 'failed', why: string, cause?: unknown): void => {
      socket.destroy()
      reject(new HoldfastError(code, `wireguard-go: ${why}`, { cause }))
    }
    socket.setTimeout(commandTimeoutMsMax, () => fail('failed', 'no answer'))
    socket.setEncoding('utf8')
    socket.once('error', (error) => fail('unreachable', error.message, error))
    socket.once('connect', () => socket.write(`${request}\n\n`))
    socket.on('data', (text: string) => {
      reply += text
      if (reply.length > commandOutputMax) return fail('failed', 'its answer is too long')
      if (!reply.endsWith('\n\n')) return undefined
      socket.end()
      const errno = /^errno=(-?\d+)$/m.exec(reply)?.[1]
      return errno === '0' ? resolve(reply) : fail('failed', `refused with errno ${errno ?? 'missing'}`)
    })
    socket.once('close', () => fail('failed', 'hung up'))
  })
}

type Draft = { -readonly [K in keyof ObservedPeer]: ObservedPeer[K] }

function peerLine(peer: Draft, key: string, value: string, texts: WireguardTexts): void {
  if (key === 'endpoint') Object.assign(peer, texts.endpoint(value))
  else if (key === 'persistent_keepalive_interval') peer.keepaliveS = Number(value)
  else if (key === 'last_handshake_time_sec') peer.handshakeAt = Number(value) * 1_000
  else if (key === 'rx_bytes') peer.rxBytes = Number(value)
  else if (key === 'tx_bytes') peer.txBytes = Number(value)
}

function pairs(text: string): readonly (readonly [string, string])[] {
  return text.split('\n').map((line) => {
    const at = line.indexOf('=')
    return [line.slice(0, Math.max(at, 0)), line.slice(at + 1)]
  })
}

/** `text`: what follows behind `public_key=`, up to that of the next peer. */
function parsePeer(text: string, texts: WireguardTexts): ObservedPeer {
  const end = text.indexOf('\n')
  const lines = pairs(text.slice(end + 1))
  const blocks = lines.filter(([key]) => key === 'allowed_ip').map(([, value]) => value)
  const peer: Draft = {
    wgKey: texts.key(base64Of(text.slice(0, end))),
    allowedIps: texts.blocks(blocks.join()),
    keepaliveS: 0,
    handshakeAt: 0,
    rxBytes: 0,
    txBytes: 0,
  }
  for (const [key, value] of lines) peerLine(peer, key, value, texts)
  return peer
}

/** Reads answers to `get=1`, one after the other. */
export function createGetReader(): (text: string) => ObservedDevice {
  const texts = createWireguardTexts()
  const peersOf = createPeerTexts((text) => parsePeer(text, texts))
  const publicKey = remembersLast(wgPublicKey)
  return (text) => {
    // A device without a key and a port begins with its first peer.
    const [head = '', ...peers] = `\n${text}`.split('\npublic_key=')
    const own = new Map(pairs(head))
    const privateKey = own.get('private_key')
    const hasKey = privateKey !== undefined && !/^0+$/.test(privateKey)
    return {
      listenPort: Number(own.get('listen_port') ?? 0),
      ...(hasKey ? { wgKey: publicKey(base64Of(privateKey)) } : {}),
      peers: peersOf(peers),
    }
  }
}

type Held = ReadonlyMap<WgKey, readonly Cidr[]>

/** Whether a peer has to give something up. A replacement gives the rest back a line later, and drops packets in between. */
function losesSome(allowedIps: readonly Cidr[], held: readonly Cidr[] = []): boolean {
  return held.some((cidr) => !allowedIps.includes(cidr))
}

function peerLines(op: PeerOp, held: Held): readonly string[] {
  const head = `public_key=${hexOf(op.wgKey)}`
  if (op.op === 'peer-remove') return [head, 'remove=true']
  const { allowedIps } = op
  return [
    head,
    ...(op.endpoint === undefined ? [] : [`endpoint=${op.endpoint}`]),
    ...(op.keepaliveS === undefined ? [] : [`persistent_keepalive_interval=${op.keepaliveS}`]),
    ...(allowedIps !== undefined && losesSome(allowedIps, held.get(op.wgKey)) ? ['replace_allowed_ips=true'] : []),
    ...(allowedIps ?? []).map((cidr) => `allowed_ip=${cidr}`),
  ]
}

/** The request that brings peers to what is asked for, from what they are held to have. */
export function setRequest(
  ops: readonly PeerOp[],
  peers: readonly Pick<ObservedPeer, 'wgKey' | 'allowedIps'>[],
): string {
  const held = new Map(peers.map(({ allowedIps, wgKey }) => [wgKey, allowedIps]))
  return ['set=1', ...ops.flatMap((op) => peerLines(op, held))].join('\n')
}

export function createWgSocket(name: string, keyPath: string): WireguardDevice {
  const path = socketPath(name)
  const device = createGetReader()
  const read = async (): Promise<ObservedDevice> => device(await ask(path, 'get=1'))
  return {
    read,
    async set(listenPort) {
      const key = hexOf(readFileSync(keyPath, 'utf8').trim())
      await ask(path, `set=1\nprivate_key=${key}\nlisten_port=${listenPort}`)
    },
    async setPeers(ops) {
      const held = ops.some((op) => op.op === 'peer-set' && op.allowedIps !== undefined) ? await read() : undefined
      await ask(path, setRequest(ops, held?.peers ?? []))
    },
  }
}

/** True if a wireguard-go answers for the interface. */
export async function isServed(name: string): Promise<boolean> {
  try {
    await ask(socketPath(name), 'get=1')
    return true
  } catch {
    return false
  }
}
