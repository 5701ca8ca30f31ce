// A real WireGuard that met a clock far ahead: it takes nothing older until it begins anew with the peer. In a network
// namespace of its own: the file runs itself in one.

import { execFileSync, spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { generateWgPrivateKey, wgPublicKey } from '../../shared/host/crypto.ts'
import type { WgKey } from '../../shared/ids.ts'
import { createRunner } from './command.ts'
import { initiate } from './initiation.fake.ts'
import { createKernelDriver } from './kernel.ts'
import { createWireguardDoor } from './wireguard-door.ts'

/** Its own /run/wireguard: namespaces share the file system, and with it the sockets of wireguard-go. */
const SCRIPT = 'mkdir -p /run/wireguard && mount -t tmpfs tmpfs /run/wireguard && exec "$@"'
const INSIDE = 'HOLDFAST_LAB_INSIDE'
const NAME = 'hfdoor'
const PORT = 51_820
/** Far more than an answer on loopback takes. */
const PATIENCE_MS = 1_500
const YEARS_MS = 365 * 86_400_000

/** Of one peer WireGuard takes an initiation each 20 ms. */
const RATE_MS = 50

/** Says the words to WireGuard; resolves true if a response came (type 2). */
async function answers(socket: Socket, words: Uint8Array): Promise<boolean> {
  await sleep(RATE_MS)
  const heard = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => heard.resolve(false), PATIENCE_MS)
  socket.once('message', (bytes) => heard.resolve(bytes[0] === 2))
  socket.send(words, PORT, '127.0.0.1')
  return heard.promise.finally(() => {
    clearTimeout(timer)
    socket.removeAllListeners('message')
  })
}

function defineInside(): void {
  test('a peer whose clock ran ahead is heard again once WireGuard began anew with it, and keeps what it had', async () => {
    execFileSync('ip', ['link', 'set', 'lo', 'up'])
    const directory = mkdtempSync(join(tmpdir(), 'hf-door-'))
    const privateKeyPath = join(directory, 'wg.key')
    const [own, theirs] = [generateWgPrivateKey(), generateWgPrivateKey()]
    const [self, peer]: readonly [WgKey, WgKey] = [wgPublicKey(own), wgPublicKey(theirs)]
    writeFileSync(privateKeyPath, `${own}\n`, { mode: 0o600 })
    const run = createRunner(memoryLog())
    const driver = createKernelDriver({
      interface: NAME,
      privateKeyPath,
      exitPath: `${privateKeyPath}.exit`,
      run,
      clock: systemClock,
      log: memoryLog(),
      policyDriver: 'nft',
    })
    const socket = createSocket('udp4')
    try {
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
      const endpoint = parseEndpoint(`127.0.0.1:${socket.address().port}`)
      const allowedIps = [parseCidr('10.77.0.2/32'), parseCidr('fd77::2/128')]
      const { failed } = await driver.apply([
        { op: 'link-add' },
        { op: 'device-set', listenPort: PORT, wgKey: self },
        { op: 'peer-set', wgKey: peer, allowedIps, endpoint, keepaliveS: 0 },
        { op: 'link-set', mtu: 1_420, up: true },
      ])
      assert.equal(failed, [])
      const options = { interface: NAME, privateKeyPath, listenPort: PORT, clock: systemClock, run }
      const door = createWireguardDoor(options)
      const now = systemClock.now()
      assert.ok(await answers(socket, initiate(theirs, self, now)), 'as ever')
      assert.ok(await answers(socket, initiate(theirs, self, now + 54 * YEARS_MS)), 'decades ahead')
      assert.not.ok(await answers(socket, initiate(theirs, self, now + 10_000)), 'and back again: refused')
      await door.renew(peer)
      assert.ok(await answers(socket, initiate(theirs, self, now + 20_000)), 'begun anew')
      assert.not.ok(await answers(socket, initiate(theirs, self, now + 15_000)), 'from then on only forward')
      assert.equal(
        (await door.peers()).map((one) => ({ ...one, rxBytes: 0, txBytes: 0 })),
        [{ wgKey: peer, allowedIps, endpoint, keepaliveS: 0, handshakeAt: 0, rxBytes: 0, txBytes: 0 }],
      )
      await door.renew(wgPublicKey(generateWgPrivateKey()))
      assert.is((await door.peers()).length, 1, 'whoever is no peer becomes none')
    } finally {
      socket.close()
      await driver.cleanup()
      rmSync(directory, { recursive: true })
    }
  })

  test.run()
}

if (process.env[INSIDE] === '1') defineInside()
else if (process.getuid?.() === 0) {
  const file = fileURLToPath(import.meta.url)
  const { status } = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', SCRIPT, 'sh', process.execPath, file], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  })
  process.exitCode = status ?? 1
} else process.stdout.write('skip: needs root for a network namespace\n')
