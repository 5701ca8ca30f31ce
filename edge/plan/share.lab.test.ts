// A router with the rules that share WireGuard's port: what it forwards for others keeps its ports. Namespaces of its own.

import { execFileSync, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { renderRuleset } from './nft.ts'

const [PORT, CONTROL] = [51_820, 51_821]
const PREFIX = `hfsh${process.pid}`
const [LEFT, ROUTER, RIGHT] = [`${PREFIX}l`, `${PREFIX}m`, `${PREFIX}r`] as const
const RULES = renderRuleset({
  interface: 'hf0',
  mesh: [],
  forwards: [],
  share: { listenPort: PORT, controlPort: CONTROL },
})
/** Counts what arrives as it was sent, and what does not, before any rule touches it. */
const KINDS = ['frame4', 'frame6', 'data4', 'data6'] as const
const SEEN = `table inet seen {
${[...KINDS, 'other'].map((name) => `counter ${name} { }`).join('\n')}
chain arrive {
type filter hook prerouting priority -400; policy accept;
${[4, 6]
  .flatMap((family) => [
    `meta nfproto ipv${family} udp sport ${CONTROL} udp dport ${PORT} @th,64,32 0xf0686601 counter name frame${family} accept`,
    `meta nfproto ipv${family} udp sport ${PORT} udp dport ${CONTROL} @th,64,32 0x04000000 counter name data${family} accept`,
  ])
  .join('\n')}
meta l4proto udp counter name other
}
}
`
/** Sends each kind over both families. */
const SEND = `
const { createSocket } = require('node:dgram')
const send = (type, host, from, to, first) => new Promise((done) => {
  const socket = createSocket(type)
  socket.bind(from, () => socket.send(Buffer.from([...first, ...Array(60).fill(7)]), to, host, () => socket.close(done)))
})
const all = async () => {
  for (const [type, host] of [['udp4', '10.2.0.2'], ['udp6', 'fd02::2']]) {
    await send(type, host, ${CONTROL}, ${PORT}, [0xf0, 0x68, 0x66, 1])
    await send(type, host, ${PORT}, ${CONTROL}, [4, 0, 0, 0])
  }
}
all()
`

const ip = (...words: readonly string[]): void => void execFileSync('ip', words)
const inside = (name: string, words: readonly string[], input = ''): string =>
  execFileSync('ip', ['netns', 'exec', name, ...words], { input, encoding: 'utf8' })

function counted(name: string): number {
  return Number(/packets (\d+)/.exec(inside(RIGHT, ['nft', 'list', 'counter', 'inet', 'seen', name]))?.[1])
}

function lay(name: string, side: 1 | 2): void {
  const [near, far] = [`${PREFIX}${side}a`, `${PREFIX}${side}b`]
  ip('link', 'add', near, 'netns', name, 'type', 'veth', 'peer', 'name', far, 'netns', ROUTER)
  for (const [where, device, host] of [
    [name, near, 2],
    [ROUTER, far, 1],
  ] as const) {
    ip('-n', where, 'address', 'add', `10.${side}.0.${host}/24`, 'dev', device)
    ip('-n', where, 'address', 'add', `fd0${side}::${host}/64`, 'dev', device, 'nodad')
    ip('-n', where, 'link', 'set', device, 'up')
  }
  ip('-n', name, 'route', 'add', 'default', 'via', `10.${side}.0.1`)
  ip('-n', name, 'route', 'add', 'default', 'via', `fd0${side}::1`)
}

test.before(() => {
  for (const name of [LEFT, ROUTER, RIGHT]) ip('netns', 'add', name)
  lay(LEFT, 1)
  lay(RIGHT, 2)
  const switches = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']
  inside(ROUTER, ['sysctl', '-q', '-w', ...switches])
  inside(ROUTER, ['nft', '-f', '-'], RULES)
  inside(RIGHT, ['nft', '-f', '-'], SEEN)
})
test.after(() => {
  for (const name of [LEFT, ROUTER, RIGHT]) ip('netns', 'del', name)
})

test('what a router forwards for others keeps its ports, frames and payload, in both families', async () => {
  const missing = (): readonly string[] => KINDS.filter((name) => counted(name) === 0)
  // The first packets of IPv6 wait for neighbours to be found.
  for (let tries = 0; tries < 30 && missing().length > 0; tries++) {
    inside(LEFT, [process.execPath, '-e', SEND])
    await sleep(50)
  }
  assert.equal(missing(), [])
  assert.is(counted('other'), 0)
})

/** Sends frames of these sizes over both families. */
const SEND_SIZES = `
const { createSocket } = require('node:dgram')
const send = (type, host, size) => new Promise((done) => {
  const socket = createSocket(type)
  socket.send(Buffer.concat([Buffer.from([0xf0, 0x68, 0x66, 1]), Buffer.alloc(size - 4)]), ${PORT}, host, () => socket.close(done))
})
const all = async () => {
  for (const [type, host] of [['udp4', '10.2.0.2'], ['udp6', 'fd02::2']]) {
    for (const size of [1000, 2000, 1200]) await send(type, host, size)
  }
}
all()
`
/** Prints the sizes that came in, once there are four and a moment is over. */
const RECEIVE = `
const { createSocket } = require('node:dgram')
const socket = createSocket('udp6')
const sizes = []
socket.on('message', ({ length }) => {
  sizes.push(length)
  if (sizes.length === 4) setTimeout(() => { console.log(sizes.join()); process.exit() }, 200)
})
socket.bind(${CONTROL}, '::', () => console.log('ready'))
`

test('a frame that came in pieces is none, in both families, whoever cut it up', async () => {
  inside(RIGHT, ['nft', '-f', '-'], RULES)
  const child = spawn('ip', ['netns', 'exec', RIGHT, process.execPath, '-e', RECEIVE])
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const late = setTimeout(() => child.kill(), 10_000)
  assert.is((await lines.next()).value, 'ready')
  inside(LEFT, [process.execPath, '-e', SEND_SIZES])
  assert.is((await lines.next()).value, '1000,1200,1000,1200')
  clearTimeout(late)
})

if (process.getuid?.() === 0) test.run()
else process.stdout.write('skip: needs root for network namespaces\n')
