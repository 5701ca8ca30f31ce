// A host that goes out by others, and whose names are answered by a systemd-resolved or a dnsmasq that a lease has told of name
// servers on its LAN: none of those hears a question while the exit is in force, led or closed, and names of the mesh are found.

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRunner } from '../../edge/drivers/command.ts'
import { createExitDriver } from '../../edge/drivers/exit.ts'
import { exitSetup } from '../../edge/plan/exit-setup.ts'
import type { ExitSetup } from '../../edge/plan/led-out.ts'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { fakeRecords } from '../../shared/record/parsed.fake.ts'
import { testInOwnNamespace } from './own-namespace.ts'
import { prepareResolved, startResolved } from './resolved.ts'
import { type Agent, dnsmasq, found, running, startAgent } from './resolver-parts.ts'
import { holds, waitFor } from './wait.ts'

const [OWN, OWN6, ALPHA] = ['10.77.0.9', 'fd77::9', '10.77.0.1']
/** Name servers of the LAN, by which it is known who was asked, and those of the exit. */
const [LAN, LAN6, LAN_LOCAL] = ['192.168.1.1', '2001:db8:1::1', 'fe80::1']
const [EXIT, EXIT6] = ['9.9.9.9', '2620:fe::fe']
const [FROM_LAN, FROM_EXIT] = ['192.0.2.66', '203.0.113.7']
/** Set where its files could not be had. */
const WITHOUT = 'HOLDFAST_WITHOUT_RESOLVED'
const [AT_LAN, AT_EXIT] = [
  ['ip', 'netns', 'exec', 'lan'],
  ['ip', 'netns', 'exec', 'exit'],
] as const
const UP = [
  // An /etc and a /run of this test alone.
  'mkdir -p /tmp/.etc && mount -t tmpfs tmpfs /tmp/.etc && mkdir /tmp/.etc/upper /tmp/.etc/work',
  'umount /etc/resolv.conf 2>/dev/null || true',
  'mount -t overlay overlay -o lowerdir=/etc,upperdir=/tmp/.etc/upper,workdir=/tmp/.etc/work /etc',
  'mount -t tmpfs tmpfs /run',
  'ip link set lo up',
  'ip netns add lan && ip netns add exit',
  'ip link add eth0 type veth peer name eth0 netns lan && ip link add hf0 type veth peer name hf0 netns exit',
  `ip -n lan addr add ${LAN}/24 dev eth0 && ip -n lan addr add ${LAN6}/64 dev eth0 nodad`,
  `ip -n lan addr add ${LAN_LOCAL}/64 dev eth0 nodad && ip -n lan link set eth0 up && ip -n lan link set lo up`,
  `ip -n exit addr add ${EXIT}/32 dev hf0 && ip -n exit addr add ${EXIT6}/128 dev hf0 nodad`,
  'ip -n exit link set hf0 up && ip -n exit link set lo up',
  `ip -n exit route add ${OWN} dev hf0 && ip -n exit route add ${OWN6} dev hf0`,
  'ip addr add 192.168.1.10/24 dev eth0 && ip addr add 2001:db8:1::10/64 dev eth0 nodad && ip link set eth0 up',
  `ip addr add ${OWN}/32 dev hf0 && ip addr add ${OWN6}/128 dev hf0 nodad && ip link set hf0 up`,
  `ip route add default via ${LAN} && ip route add default via ${LAN6}`,
]
/** Whatever it is asked, and whatever goes by it to name servers elsewhere. */
const WATCH = `
table inet watch {
  counter asked { }
  chain seen {
    type filter hook prerouting priority -300
    iifname "eth0" meta l4proto { tcp, udp } th dport { 53, 853, 5353, 5355 } counter name asked
  }
}
`
const records = fakeRecords({
  network: { cidr: '10.77.0.0/24', cidr6: 'fd77::/64' },
  nodes: [
    { name: 'self', addresses: [OWN, OWN6] },
    { name: 'alpha-1', addresses: [ALPHA] },
  ],
})
const physical = { interface: 'eth0', physical: true }

/** Through others, and closed where they are gone; `open`: through others, and by the own uplink where they are gone. */
function setupOf(standing: 'led' | 'closed' | 'open', resolvers = [EXIT, EXIT6]): ExitSetup | undefined {
  return exitSetup({
    interface: 'hf0',
    mesh: ['10.77.0.0/24', 'fd77::/64'].map(parseCidr),
    addresses: [OWN, OWN6].map(parseAddress),
    whenLost: standing === 'open' ? 'Open' : 'Closed',
    isLost: standing === 'closed',
    resolvers: resolvers.map(parseAddress),
    words: { ports: [], contacts: [] },
    local: [
      { ...physical, address: parseAddress('192.168.1.10'), cidr: parseCidr('192.168.1.0/24') },
      { ...physical, address: parseAddress('2001:db8:1::10'), cidr: parseCidr('2001:db8:1::/64') },
    ],
  })
}

/** Packets that name servers of the LAN were sent since it was asked last. */
function askedOfLan(): number {
  const text = execFileSync('ip', ['netns', 'exec', 'lan', 'nft', 'reset', 'counter', 'inet', 'watch', 'asked'])
  return Number(/packets (\d+)/.exec(text.toString())?.[1])
}

let questions = 0
/** Nobody has asked for that one before. */
function fresh(): string {
  questions += 1
  return `q${questions}.example.test`
}

async function servers(): Promise<void> {
  const each = [
    ['eth0', FROM_LAN, AT_LAN],
    ['hf0', FROM_EXIT, AT_EXIT],
  ] as const
  for (const [name, answer, at] of each) {
    await dnsmasq([`--interface=${name}`, '--conf-file=/dev/null', `--address=/example.test/${answer}`], at)
  }
}

/** systemd-resolved says nothing at all to who asks while nobody may be asked: glibc is not to wait for it for long. */
const SOON = 'timeout:1 attempts:1'

/** Led, closed, and gone: for whoever answers names on this host now. */
async function expectNoLeak(what: string): Promise<void> {
  const driver = createExitDriver(createRunner(memoryLog()), '/run/exit.nft')
  assert.is(await found(fresh()), FROM_LAN, `${what}: before`)
  assert.ok(askedOfLan() > 0, `${what}: the LAN is asked before`)
  await driver.set(setupOf('led'))
  assert.is(await found(fresh()), FROM_EXIT, `${what}: led`)
  assert.is(await found('alpha-1.mesh.internal'), ALPHA, `${what}: a name of the mesh`)
  assert.is(askedOfLan(), 0, `${what}: a question went to the LAN`)
  await driver.set(setupOf('closed'))
  assert.is(await found(fresh(), SOON), '', `${what}: closed`)
  assert.is(await found('alpha-1.mesh.internal'), ALPHA, `${what}: a name of the mesh while it is closed`)
  assert.is(askedOfLan(), 0, `${what}: a question went to the LAN while it was closed`)
  await driver.set(undefined)
  assert.is(await found(fresh()), FROM_LAN, `${what}: after`)
  askedOfLan()
}

/** Of two name servers one can be asked on the link alone: it is not, and the other one is turned; also where nothing closes. */
async function expectOnLinkRefused(): Promise<void> {
  const driver = createExitDriver(createRunner(memoryLog()), '/run/exit.nft')
  await driver.set(setupOf('open'))
  askedOfLan()
  await waitFor(
    'the other name server is asked, by the exit',
    async () => holds((await found(fresh(), SOON)) === FROM_EXIT, 'no answer'),
    { timeoutMs: 60_000 },
  )
  assert.is(askedOfLan(), 0, 'a question went to the LAN')
  await driver.set(undefined)
}

/** In the other family than the exit has resolvers of. */
async function expectOtherFamilyRefused(): Promise<void> {
  const driver = createExitDriver(createRunner(memoryLog()), '/run/exit.nft')
  await driver.set(setupOf('open', [EXIT]))
  askedOfLan()
  assert.is(await found(fresh(), SOON), '', 'nobody answers')
  assert.is(askedOfLan(), 0, 'a question went to the LAN')
  await driver.set(undefined)
}

function define(): void {
  for (const line of UP) execFileSync('sh', ['-c', line])
  execFileSync('ip', ['netns', 'exec', 'lan', 'nft', '-f', '-'], { input: WATCH })

  test.after.each(() => {
    for (const child of running) child.kill('SIGKILL')
    running.clear()
  })

  const withAgent = async (run: (agent: Agent) => Promise<void>, restart?: () => Promise<void>): Promise<void> => {
    const agent = await startAgent(records, [OWN, OWN6], restart)
    try {
      await run(agent)
    } finally {
      agent.kill()
      await agent.resolver.cleanup()
    }
  }

  test('dnsmasq of the host asks by the exit, and nobody while it is closed', async () => {
    await servers()
    mkdirSync('/etc/dnsmasq.d', { recursive: true })
    const start = () =>
      dnsmasq(['--listen-address=127.0.0.1', '--conf-file=/dev/null', '--conf-dir=/etc/dnsmasq.d', `--server=${LAN}`])
    let host = await start()
    const restart = async (): Promise<void> => {
      await host.end()
      host = await start()
    }
    writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.1\n')
    await withAgent(async (agent) => {
      assert.is(agent.names.status()?.host?.by, 'dnsmasq')
      await expectNoLeak('dnsmasq')
    }, restart)
  })

  if (process.env[WITHOUT] === undefined)
    test('systemd-resolved asks by the exit, whichever name server a lease named, and nobody while it is closed', async () => {
      await servers()
      await startResolved(LAN, (child) => void running.add(child))
      rmSync('/etc/resolv.conf')
      execFileSync('ln', ['-s', '/run/systemd/resolve/stub-resolv.conf', '/etc/resolv.conf'])
      // As networkd and NetworkManager do with a lease, and with what a router advertises.
      const leased = (...named: readonly string[]): void => {
        execFileSync('resolvectl', ['dns', 'eth0', ...named])
        execFileSync('resolvectl', ['domain', 'eth0', '~.'])
      }
      await withAgent(async (agent) => {
        assert.is(agent.names.status()?.host?.by, 'resolved')
        for (const server of [LAN, LAN6]) {
          leased(server)
          await expectNoLeak(`systemd-resolved with ${server}`)
        }
        await expectOtherFamilyRefused()
        leased(`${LAN_LOCAL}%eth0`, LAN)
        await expectOnLinkRefused()
      })
    })
}

// Fetched from outside, where there is a network.
if (process.env['HOLDFAST_LAB_INSIDE'] === undefined) {
  const why = await prepareResolved()
  if (why !== undefined) {
    process.env[WITHOUT] = why
    process.stdout.write(`skip: systemd-resolved: ${why}\n`)
  }
}
testInOwnNamespace('names of a host that goes out by others', import.meta.url, define)
