// WireGuard of the kernel, spoken to through the `wg` program (wireguard-tools).

import { isHoldfastError } from '../../shared/errors.ts'
import type { ObservedDevice, ObservedPeer } from '../plan/observed.ts'
import type { Run } from './command.ts'
import type { PeerOp, WireguardDevice } from './wireguard.ts'
import { createPeerTexts, createWireguardTexts, type WireguardTexts } from './wireguard-texts.ts'

/** Peers of one call: far below the kernel's limit on arguments, whatever their addresses. */
const PEERS_PER_CALL = 100

function parsePeer(line: string, texts: WireguardTexts): ObservedPeer {
  const [key = '', , endpoint = '', allowed = '', handshake, rx, tx, keepalive] = line.split('\t')
  return {
    wgKey: texts.key(key),
    allowedIps: texts.blocks(allowed === '(none)' ? '' : allowed),
    ...texts.endpoint(endpoint),
    keepaliveS: keepalive === 'off' ? 0 : Number(keepalive),
    handshakeAt: Number(handshake) * 1_000,
    rxBytes: Number(rx),
    txBytes: Number(tx),
  }
}

/** Reads what `wg show IF dump` prints (wg(8)), one time after the other: the device, then a line for each peer. */
export function createDumpReader(): (text: string) => ObservedDevice {
  const texts = createWireguardTexts()
  const peersOf = createPeerTexts((line) => parsePeer(line, texts))
  return (text) => {
    const [first = '', ...rest] = text.split('\n').filter((line) => line !== '')
    const [, publicKey = '', port] = first.split('\t')
    return {
      listenPort: Number(port),
      ...(publicKey === '(none)' ? {} : { wgKey: texts.key(publicKey) }),
      peers: peersOf(rest),
    }
  }
}

function peerArguments(op: PeerOp): readonly string[] {
  if (op.op === 'peer-remove') return ['peer', op.wgKey, 'remove']
  return [
    'peer',
    op.wgKey,
    ...(op.endpoint === undefined ? [] : ['endpoint', op.endpoint]),
    ...(op.keepaliveS === undefined ? [] : ['persistent-keepalive', String(op.keepaliveS)]),
    ...(op.allowedIps === undefined ? [] : ['allowed-ips', op.allowedIps.join(',')]),
  ]
}

export function createWgTool(name: string, keyPath: string, run: Run): WireguardDevice {
  const device = createDumpReader()
  return {
    async read() {
      try {
        return device(await run('wg', ['show', name, 'dump']))
      } catch (error) {
        if (isHoldfastError(error, 'failed') && /No such device|Unable to access interface/.test(error.message))
          return undefined
        throw error
      }
    },
    set: async (listenPort) =>
      void (await run('wg', ['set', name, 'listen-port', String(listenPort), 'private-key', keyPath])),
    async setPeers(ops) {
      for (let at = 0; at < ops.length; at += PEERS_PER_CALL) {
        await run('wg', ['set', name, ...ops.slice(at, at + PEERS_PER_CALL).flatMap(peerArguments)])
      }
    },
  }
}
