// The sockets of beacons on real links: this file runs itself again in two network namespaces with cables between them. The one
// listens and tells what it hears; the other speaks, and looks at what was heard.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { type LogLine, memoryLog } from '../../shared/effects.fake.ts'
import { beaconLinks, isFromLink } from '../lan/links.ts'
import { parseLinks } from './addresses.ts'
import { createBeaconSocket } from './beacon-socket.ts'

const ROLE = 'HOLDFAST_LAB_BEACON'
const SELF = fileURLToPath(import.meta.url)
const PORT = 51_823
/** Ten seconds: for a busy machine. */
const TRIES = 100

function ip(...words: readonly string[]): string {
  return execFileSync('ip', words).toString()
}

/** Links of this namespace as the agent sees them. */
function links() {
  return beaconLinks(parseLinks(ip('-j', '-d', 'addr'), 'hf0').local)
}

/** The namespace that listens: says where words come from, and looks at its links anew when told to. */
async function listen(): Promise<void> {
  const socket = createBeaconSocket(PORT, memoryLog())
  await socket.open((bytes, from) => {
    const physical = isFromLink(links(), from) ? 'link' : 'elsewhere'
    process.stdout.write(`heard ${toHex(bytes)} ${from} ${physical}\n`)
  })
  createInterface({ input: process.stdin }).on('line', (line) => {
    for (const words of line.split(';')) ip(...words.trim().split(' '))
    socket.setLinks(links())
    process.stdout.write('ready\n')
  })
}

interface Listener {
  /** Runs `ip` there, and has it follow its links. */
  tell(...lines: readonly string[]): Promise<void>
  /** Where the words were heard from. */
  heard(what: string, speak: () => void): Promise<readonly string[]>
  plug(device: string, peer: string): void
  end(): void
}

async function startListener(): Promise<Listener> {
  const env = { ...process.env, [ROLE]: 'listen' }
  const child = spawn('unshare', ['--net', process.execPath, SELF], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: string[] = []
  let waiting: (() => void) | undefined
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    waiting?.()
  })
  const seen = (found: () => boolean, everyMs?: () => void): Promise<boolean> =>
    new Promise((resolve) => {
      let tries = 0
      const look = (): void => {
        if (!found() && tries < TRIES) return
        clearInterval(timer)
        waiting = undefined
        resolve(found())
      }
      // A link that just came up loses the first words: IPv6 checks its own address for a second or two (RFC 4862 §5.4).
      const timer = setInterval(() => {
        tries += 1
        everyMs?.()
        look()
      }, 100)
      waiting = look
      everyMs?.()
    })
  return {
    async tell(...words) {
      const before = lines.filter((line) => line === 'ready').length
      child.stdin.write(`${words.join(';')}\n`)
      assert.ok(await seen(() => lines.filter((line) => line === 'ready').length > before), 'it follows its links')
    },
    async heard(what, speak) {
      const mine = (): readonly string[] => lines.filter((line) => line.startsWith(`heard ${toHex(utf8(what))} `))
      await seen(() => mine().length > 0, speak)
      return [...new Set(mine().map((line) => line.split(' ').slice(2).join(' ')))]
    },
    plug: (device, peer) =>
      void ip('link', 'add', device, 'type', 'veth', 'peer', 'name', peer, 'netns', `${child.pid}`),
    end: () => void child.kill('SIGKILL'),
  }
}

function defineInside(): void {
  test('words are heard over IPv4 and IPv6, on links that come, change and go', async () => {
    const socket = createBeaconSocket(PORT, memoryLog())
    assert.ok(await socket.open(() => undefined))
    const there = await startListener()
    try {
      await there.tell('link set lo up')
      there.plug('eth0', 'eth0')
      ip('address', 'add', '192.168.7.1/24', 'dev', 'eth0')
      ip('link', 'set', 'eth0', 'up')
      await there.tell('address add 192.168.7.2/24 dev eth0', 'link set eth0 up')
      socket.setLinks(links())
      const first = await there.heard('first', () => socket.broadcast(utf8('first')))
      assert.ok(first.includes('192.168.7.1 link'), first.join())

      // No block in common: only the group on the link carries.
      ip('address', 'flush', 'dev', 'eth0', 'scope', 'global')
      ip('address', 'add', '10.5.0.1/24', 'dev', 'eth0')
      socket.setLinks(links())
      const group = await there.heard('group', () => socket.broadcast(utf8('group')))
      assert.match(group.join(), /^fe80::[0-9a-f:]+%eth0 link$/)

      // The interface goes and comes back under its name.
      ip('link', 'delete', 'eth0')
      there.plug('eth0', 'eth0')
      ip('address', 'add', '10.6.0.1/24', 'dev', 'eth0')
      ip('link', 'set', 'eth0', 'up')
      await there.tell('address add 10.7.0.2/24 dev eth0', 'link set eth0 up')
      socket.setLinks(links())
      const again = await there.heard('again', () => socket.broadcast(utf8('again')))
      assert.match(again.join(), /^fe80::[0-9a-f:]+%eth0 link$/)

      ip('address', 'add', '10.7.0.1/24', 'dev', 'eth0')
      const alone = await there.heard('alone', () => socket.send(utf8('alone'), parseAddress('10.7.0.2')))
      assert.equal(alone, ['10.7.0.1 link'])
    } finally {
      there.end()
      await socket.close()
    }
  })

  test('two agents of one host share the port; where somebody has it for himself, there are no beacons and nothing breaks', async () => {
    const [one, two] = [createBeaconSocket(PORT, memoryLog()), createBeaconSocket(PORT, memoryLog())]
    assert.ok(await one.open(() => undefined))
    assert.ok(await two.open(() => undefined))
    await Promise.all([one.close(), two.close()])
    const taken = createSocket('udp4')
    await new Promise<void>((resolve) => taken.bind(PORT, resolve))
    const lines: LogLine[] = []
    const three = createBeaconSocket(PORT, memoryLog(lines))
    assert.not.ok(await three.open(() => undefined))
    assert.match(lines.map(({ message }) => message).join(), 'no beacons')
    three.broadcast(utf8('nobody hears'))
    await three.close()
    taken.close()
  })
}

if (process.env[ROLE] === 'listen') await listen()
else if (process.env[ROLE] === 'inside') defineInside()
else {
  test('beacon sockets', () => {
    assert.is(process.getuid?.(), 0, 'needs root')
    const script = 'mount -t sysfs sysfs /sys && ip link set lo up && exec "$@"'
    const words = ['--net', '--mount', 'sh', '-c', script, 'sh', process.execPath, SELF]
    const { status, stdout, stderr } = spawnSync('unshare', words, { env: { ...process.env, [ROLE]: 'inside' } })
    assert.is(status, 0, `${stdout.toString()}${stderr.toString()}`)
  })
}

if (process.env[ROLE] !== 'listen') test.run()
