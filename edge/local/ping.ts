// Pings through the mesh: those that people ask for, and those that `status` measures round trips by.

import type { ServerResponse } from 'node:http'
import type { Address } from '../../shared/address/cidr.ts'
import { askedAt } from '../../shared/address/mesh-blocks.ts'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import type { Agent, PeerStatus } from '../agent.ts'
import type { Echo } from '../echo/echo.ts'
import { SESSION_YOUNG_MS } from '../paths/pacing.ts'
import type { PingLine } from './api.ts'
import { findPeer } from './find-peer.ts'
import { errorBody } from './server.ts'

export interface PingDoors {
  readonly agent: Pick<Agent, 'noteRtt' | 'status'>
  readonly echo: Pick<Echo, 'probe'>
  readonly clock: Clock
}

type Addresses = readonly [Address, ...(readonly Address[])]

interface Reply {
  readonly address: Address
  /** Undefined where nothing came back in time. */
  readonly rttMs: number | undefined
}

const EVERY_MS = 1_000
const TIMEOUT_MS = 2_000
/** How long `status` waits for round trips: longer than LTE's, shorter than a person's patience. */
const MEASURE_MS = 700
/** Peers measured for one status, so that a look at a large mesh stays a small burst. */
const MEASURED_MAX = 64

/** A look wakes nobody: where no session stands, no word is sent for it. */
function isTalkedWith({ addresses, handshakeAgeS, path }: PeerStatus): boolean {
  if (path === 'none' || addresses.length === 0) return false
  return handshakeAgeS !== undefined && 1_000 * handshakeAgeS < SESSION_YOUNG_MS
}

/** What comes first from any of the addresses; silence of the first where nothing does. Throws where it can't be asked. */
async function ask(echo: PingDoors['echo'], [main, ...others]: Addresses, timeoutMs: number): Promise<Reply> {
  const asked = async (address: Address): Promise<Reply> => ({ address, rttMs: await echo.probe(address, timeoutMs) })
  const first = asked(main)
  const heard = async (reply: Promise<Reply>): Promise<Reply> => {
    const { address, rttMs } = await reply
    if (rttMs === undefined) throw new HoldfastError('unreachable', `no answer from ${address}`)
    return reply
  }
  return await Promise.any([first, ...others.map(asked)].map(heard)).catch(() => first)
}

/** Where the peer is asked: at the address that is wanted, else wherever it may know itself by. */
function addressesOf({ addresses, name }: PeerStatus, wanted: string): Addresses {
  const named = addresses.find((own) => own === wanted)
  const [main, ...others] = named === undefined ? askedAt(addresses) : [named]
  if (main !== undefined) return [main, ...others]
  throw new HoldfastError('not-found', `${name} has no address in the mesh`, {
    remedy: 'The hub gives addresses: see `holdfast-hub get nodes`.',
  })
}

/** Measures the peers that a session stands with, all at once. */
export async function measurePeers({ agent, echo }: PingDoors): Promise<void> {
  const peers = agent.status().peers.filter(isTalkedWith)
  await Promise.allSettled(
    peers.slice(0, MEASURED_MAX).map(async (peer) => {
      const { rttMs } = await ask(echo, addressesOf(peer, ''), MEASURE_MS)
      if (rttMs !== undefined) agent.noteRtt(peer.nodeId, rttMs)
    }),
  )
}

/** Answers with a line of JSON for each ping as it comes back, or is given up. */
export async function ping(doors: PingDoors, wanted: string, times: number, response: ServerResponse): Promise<void> {
  const { agent, echo, clock } = doors
  const peer = findPeer(agent.status(), wanted)
  const addresses = addressesOf(peer, wanted)
  const write = (line: PingLine): void => void response.write(`${JSON.stringify(line)}\n`)
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  try {
    for (let seq = 1; seq <= times && !response.destroyed; seq++) {
      const startedAt = clock.monotonic()
      const { address, rttMs } = await ask(echo, addresses, TIMEOUT_MS)
      if (rttMs !== undefined) agent.noteRtt(peer.nodeId, rttMs)
      const path = agent.status().peers.find(({ nodeId }) => nodeId === peer.nodeId)?.path ?? 'none'
      write({ seq, node: peer.name, address, path, ...(rttMs === undefined ? {} : { rttMs }) })
      const restMs = EVERY_MS - (clock.monotonic() - startedAt)
      if (seq < times && restMs > 0) await new Promise<void>((resolve) => void clock.after(restMs, resolve))
    }
  } catch (error) {
    write({ error: errorBody(error) })
  }
  response.end()
}
