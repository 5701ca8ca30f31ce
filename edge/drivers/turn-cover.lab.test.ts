// What WireGuard’s socket sees of a turn, with the real nft, in a network namespace of its own: the file runs itself in one.

import { execFileSync, spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Address } from '../../shared/address/cidr.ts'
import { type Endpoint, formatEndpoint, hostOf, parseEndpoint, portOf } from '../../shared/address/endpoint.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { createRunner } from './command.ts'
import { createTurnCover, removeTurnCover } from './turn-cover.ts'

const INSIDE = 'HOLDFAST_LAB_INSIDE'
const PORT = 51_820
const run = createRunner(memoryLog())

/** First bytes of messages: WireGuard's of each type, and frames of ours. */
const HANDSHAKE = [1, 0, 0, 0]
const DATA = [4, 0, 0, 0]
const FRAME = [0xf0, 0x68, 0x66, 1]

interface Family {
  readonly to: Endpoint
  readonly old: Endpoint
  readonly next: Endpoint
  readonly third: Endpoint
}
const endpoints = (hosts: readonly [string, string, string, string]): Family => {
  const at = (host: string, port: number): Endpoint => formatEndpoint(host as Address, port)
  return { to: at(hosts[0], PORT), old: at(hosts[1], 4_000), next: at(hosts[2], 5_000), third: at(hosts[3], 6_000) }
}
const FOUR = endpoints(['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'])
const SIX = endpoints(['fd99::1', 'fd99::2', 'fd99::3', 'fd99::4'])

async function socketAt(endpoint: Endpoint): Promise<Socket> {
  const socket = createSocket(endpoint.startsWith('[') ? 'udp6' : 'udp4')
  await new Promise<void>((resolve) => socket.bind(portOf(endpoint), hostOf(endpoint), resolve))
  return socket
}

async function withWireguard(
  { to }: Family,
  work: (seen: (from: Endpoint, bytes: readonly number[]) => Promise<string>) => Promise<void>,
): Promise<void> {
  const wireguard = await socketAt(to)
  const sockets = new Map<Endpoint, Socket>()
  try {
    await work(async (from, bytes) => {
      const sender = sockets.get(from) ?? (await socketAt(from))
      sockets.set(from, sender)
      const heard = Promise.withResolvers<string>()
      const timer = setTimeout(() => heard.resolve('nothing'), 1_000)
      // A whole packet with something inside: its checksum has to be right, or it never gets here.
      const payload = Uint8Array.from([...bytes, ...new Uint8Array(44).fill(7)])
      wireguard.once('message', (got, { address, port }) => {
        heard.resolve(got.equals(payload) ? formatEndpoint(address as Address, port) : 'other bytes')
      })
      sender.send(payload, portOf(to), hostOf(to))
      const answer = await heard.promise
      clearTimeout(timer)
      wireguard.removeAllListeners('message')
      return answer
    })
  } finally {
    wireguard.close()
    for (const socket of sockets.values()) socket.close()
    await removeTurnCover(run)
  }
}

function defineInside(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  for (const one of Object.values(SIX)) {
    execFileSync('ip', ['address', 'add', `${hostOf(one)}/128`, 'dev', 'lo', 'nodad'])
  }
  // Documentation blocks (RFC 5737), all on this host.
  for (const block of ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24']) {
    execFileSync('ip', ['route', 'add', 'local', block, 'dev', 'lo'])
  }

  for (const [name, family] of [
    ['IPv4', FOUR],
    ['IPv6', SIX],
  ] as const) {
    const { next, old, third } = family

    test(`${name}: payload by the old path seems to come by the new one for a second, and nothing else does`, () =>
      withWireguard(family, async (seen) => {
        const cover = createTurnCover(PORT, systemClock, run)
        assert.is(await seen(old, DATA), old)
        await cover(old, next)
        assert.is(await seen(old, DATA), next)
        assert.is(await seen(old, FRAME), old, 'the frames that measure the old path')
        assert.is(await seen(old, HANDSHAKE), old, 'a handshake proves a path')
        assert.is(await seen(next, DATA), next)
        assert.is(await seen(third, DATA), third, 'other peers')
        assert.is(await seen(old, DATA), next, 'again and again')
        await sleep(1_200)
        assert.is(await seen(old, DATA), old)
      }))

    test(`${name}: turned to and fro within a second, the last turn counts`, () =>
      withWireguard(family, async (seen) => {
        const cover = createTurnCover(PORT, systemClock, run)
        await cover(old, next)
        await cover(next, old)
        assert.is(await seen(old, DATA), old)
        assert.is(await seen(next, DATA), old)
        await cover(old, third)
        assert.is(await seen(old, DATA), third)
        await sleep(600)
        await cover(old, third)
        await sleep(600)
        assert.is(await seen(old, DATA), third, 'each turn is covered for its whole second')
      }))
  }

  test('many turns at once, of both families', () =>
    withWireguard(FOUR, async (seen) => {
      const cover = createTurnCover(PORT, systemClock, run)
      const at = (host: string, port: number): Endpoint => parseEndpoint(`${host}:${port}`)
      const turns = Array.from({ length: 20 }, (_, i) => [
        // From one relay to many peers, and from many peers to one relay.
        [at('198.51.100.1', 61_000 + i), at(`203.0.113.${i + 1}`, 51_820)] as const,
        [at(`192.0.2.1${i + 1}`, 51_820), at('198.51.100.2', 61_000 + i)] as const,
      ]).flat()
      await Promise.all([...turns.map(([from, to]) => cover(from, to)), cover(SIX.old, SIX.next)])
      for (const [from, to] of turns.slice(0, 16)) assert.is(await seen(from, DATA), to)
    }))

  test('from one family to the other there is no cover, and no error', () =>
    withWireguard(FOUR, async (seen) => {
      await createTurnCover(PORT, systemClock, run)(FOUR.old, SIX.next)
      assert.is(await seen(FOUR.old, DATA), FOUR.old)
    }))

  test('what an earlier run left is taken over, and removed without a trace', async () => {
    await createTurnCover(PORT, systemClock, run)(FOUR.old, FOUR.next)
    await createTurnCover(PORT, systemClock, run)(FOUR.old, FOUR.third)
    const text = await run('nft', ['list', 'table', 'inet', 'holdfast_turn'])
    assert.is(text.match(/@address4/g)?.length, 1, 'rules once')
    await removeTurnCover(run)
    await removeTurnCover(run)
    assert.is((await run('nft', ['list', 'tables'])).includes('holdfast_turn'), false)
  })

  test.run()
}

if (process.env[INSIDE] === '1') defineInside()
else if (process.getuid?.() === 0) {
  const { status } = spawnSync('unshare', ['--net', process.execPath, fileURLToPath(import.meta.url)], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  })
  process.exitCode = status ?? 1
} else process.stdout.write('skip: needs root for a network namespace\n')
