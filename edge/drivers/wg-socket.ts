// wireguard-go, spoken to through its own socket: the cross-platform userspace protocol of WireGuard, three times as fast
// as starting `wg`. A request and a reply are lines `key=value` that end with an empty one.

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { compareText, toHex } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { wgPublicKey } from '../../shared/host/crypto.ts'
import { commandOutputMax, commandTimeoutMsMax } from '../../shared/limits.ts'
import type { ObservedDevice, ObservedPeer } from '../plan/observed.ts'
import type { PeerOp, WireguardDevice } from './wireguard.ts'
import { createWireguardTexts, type WireguardTexts } from './wireguard-texts.ts'

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

function parsePeer(
  publicKey: string,
  lines: readonly (readonly [string, string])[],
  texts: WireguardTexts,
): ObservedPeer {
  const blocks = lines.filter(([key]) => key === 'allowed_ip').map(([, value]) => value)
  const peer: Draft = {
    wgKey: texts.key(base64Of(publicKey)),
    allowedIps: texts.blocks(blocks.join()),
    keepaliveS: 0,
    handshakeAt: 0,
    rxBytes: 0,
    txBytes: 0,
  }
  for (const [key, value] of lines) peerLine(peer, key, value, texts)
  return peer
}

export function parseGet(text: string, texts = createWireguardTexts()): ObservedDevice {
  const peers: ObservedPeer[] = []
  let listenPort = 0
  let privateKey: string | undefined
  let publicKey: string | undefined
  let lines: [string, string][] = []
  const finish = (): void => {
    if (publicKey !== undefined) peers.push(parsePeer(publicKey, lines, texts))
    lines = []
  }
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    const [key, value] = [line.slice(0, Math.max(at, 0)), line.slice(at + 1)]
    if (key === 'public_key') {
      finish()
      publicKey = value
    } else if (publicKey !== undefined) lines.push([key, value])
    else if (key === 'listen_port') listenPort = Number(value)
    else if (key === 'private_key' && !/^0+$/.test(value)) privateKey = base64Of(value)
  }
  finish()
  return {
    listenPort,
    ...(privateKey === undefined ? {} : { wgKey: wgPublicKey(privateKey) }),
    peers: peers.sort((a, b) => compareText(a.wgKey, b.wgKey)),
  }
}

function peerLines(op: PeerOp): readonly string[] {
  const head = `public_key=${hexOf(op.wgKey)}`
  if (op.op === 'peer-remove') return [head, 'remove=true']
  return [
    head,
    ...(op.endpoint === undefined ? [] : [`endpoint=${op.endpoint}`]),
    ...(op.keepaliveS === undefined ? [] : [`persistent_keepalive_interval=${op.keepaliveS}`]),
    ...(op.allowedIps === undefined
      ? []
      : ['replace_allowed_ips=true', ...op.allowedIps.map((cidr) => `allowed_ip=${cidr}`)]),
  ]
}

export function createWgSocket(name: string, keyPath: string): WireguardDevice {
  const path = socketPath(name)
  const texts = createWireguardTexts()
  return {
    async read() {
      return parseGet(await ask(path, 'get=1'), texts)
    },
    async set(listenPort) {
      const key = hexOf(readFileSync(keyPath, 'utf8').trim())
      await ask(path, `set=1\nprivate_key=${key}\nlisten_port=${listenPort}`)
    },
    async setPeers(ops) {
      await ask(path, ['set=1', ...ops.flatMap(peerLines)].join('\n'))
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
