// The real driver in a network namespace of its own: this file runs itself again in one, and there is alone with a kernel.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Cidr } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { generateWgPrivateKey, wgPublicKey } from '../../shared/host/crypto.ts'
import { createRunner } from './command.ts'
import { defineConformance, type Subject, sampleDesired, sampleRecords, turn } from './conformance.fake.ts'
import { createKernelDriver } from './kernel.ts'
import { defineRenumbering } from './renumber-case.fake.ts'

const NAME = 'hf0'
const INSIDE = 'HOLDFAST_LAB_INSIDE'

/** Its own /run/wireguard, because namespaces share the file system and with it the sockets of wireguard-go. */
const SCRIPT =
  'mkdir -p /run/wireguard && mount -t tmpfs tmpfs /run/wireguard && mount -t sysfs sysfs /sys && exec "$@"'

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}

function ipShown(family: '-4' | '-6'): string {
  return execFileSync('ip', [family, 'address', 'show', 'dev', NAME], { encoding: 'utf8' })
}

/** Processes of wireguard-go in this network namespace, by pid, with their session. */
function userspaces(): readonly { readonly pid: number; readonly session: number }[] {
  const here = namespaceOf('self')
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && namespaceOf(entry) === here && commandOf(entry).includes('wireguard-go'))
    .map((pid) => ({ pid: Number(pid), session: Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[5]) }))
}

function namespaceOf(pid: string): string {
  return spawnSync('readlink', [`/proc/${pid}/ns/net`])
    .stdout.toString()
    .trim()
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

async function open(): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-driver-'))
  const privateKeyPath = join(directory, 'wg.key')
  const privateKey = generateWgPrivateKey()
  writeFileSync(privateKeyPath, `${privateKey}\n`, { mode: 0o600 })
  const log = memoryLog()
  const start = (): ReturnType<typeof createKernelDriver> =>
    createKernelDriver({
      interface: NAME,
      privateKeyPath,
      exitPath: `${privateKeyPath}.exit`,
      run: createRunner(log),
      clock: systemClock,
      log,
      policyDriver: 'nft',
    })
  return {
    interface: NAME,
    wgKey: wgPublicKey(privateKey),
    start,
    sabotage: {
      removePeer: async (wgKey) => void execFileSync('wg', ['set', NAME, 'peer', wgKey, 'remove']),
      removeAddress: async (cidr) => ip('address', 'delete', cidr, 'dev', NAME),
      addAddress: async (cidr) => ip('address', 'replace', cidr, 'dev', NAME),
      removeRoute: async (destination) => ip('route', 'delete', destination, 'dev', NAME),
      removePolicy: async () => void execFileSync('nft', ['delete', 'table', 'inet', 'holdfast_policy']),
      removeTable: async () => void execFileSync('nft', ['delete', 'table', 'inet', 'holdfast']),
      removeServices: async () => void execFileSync('nft', ['delete', 'table', 'inet', 'holdfast_services']),
      changePolicy: async () =>
        void execFileSync('nft', ['insert', 'rule', 'inet', 'holdfast_policy', 'ingress', 'accept']),
      removeLink: async () => ip('link', 'delete', 'dev', NAME),
      takeDown: async () => ip('link', 'set', 'dev', NAME, 'down'),
    },
    async close() {
      await start().cleanup()
      rmSync(directory, { recursive: true })
    },
  }
}

function defineInside(): void {
  test.before(() => ip('link', 'set', 'dev', 'lo', 'up'))
  defineConformance(test, open)
  defineRenumbering(test, open)

  test('wireguard-go has a session of its own, and ends with the interface', async () => {
    const subject = await open()
    await turn(subject.start(), sampleDesired(subject, sampleRecords(subject.wgKey)))
    const [one] = userspaces()
    if (one !== undefined) {
      const own = Number(readFileSync('/proc/self/stat', 'utf8').split(' ')[5])
      assert.is.not(one.session, own)
    }
    await subject.close()
    assert.equal(userspaces(), [])
    assert.is(spawnSync('nft', ['list', 'ruleset']).stdout.toString().trim(), '')
  })

  test('a wireguard-go that lost its socket is replaced', async () => {
    const subject = await open()
    const desired = sampleDesired(subject, sampleRecords(subject.wgKey))
    await turn(subject.start(), desired)
    rmSync(`/run/wireguard/${NAME}.sock`, { force: true })
    await turn(subject.start(), desired)
    assert.ok(userspaces().length <= 1)
    await subject.close()
  })

  test('an interface of our name that is not WireGuard is left alone', async () => {
    const subject = await open()
    ip('link', 'add', NAME, 'type', 'veth', 'peer', 'name', 'hfother2')
    const { failed } = await subject.start().apply([{ op: 'link-add' }])
    assert.is((failed[0]?.error as { code?: string } | undefined)?.code, 'conflict')
    ip('link', 'delete', 'dev', NAME)
    await subject.close()
  })

  test('an IPv6 address may be bound to as soon as it is there: no other holder is looked for', async () => {
    const subject = await open()
    const { failed } = await subject
      .start()
      .apply([
        { op: 'link-add' },
        { op: 'link-set', mtu: 1_420, up: true },
        ...['10.77.0.1/32', 'fd77::1/128'].map((cidr) => ({ op: 'address-add', cidr: cidr as Cidr }) as const),
      ])
    assert.equal(failed, [])
    assert.match(ipShown('-6'), /inet6 fd77::1\/128 scope global nodad noprefixroute/)
    assert.match(ipShown('-4'), /inet 10\.77\.0\.1\/32 scope global noprefixroute/)
    await subject.close()
  })

  test('routes of others are not ours, even for the same destination', async () => {
    const subject = await open()
    ip('link', 'add', 'hfother', 'type', 'veth', 'peer', 'name', 'hfother2')
    ip('link', 'set', 'dev', 'hfother', 'up')
    ip('link', 'set', 'dev', 'hfother2', 'up')
    ip('route', 'add', '192.168.50.0/24', 'dev', 'hfother', 'metric', '100')
    const driver = subject.start()
    await driver.apply([{ op: 'link-add' }, { op: 'link-set', mtu: 1_420, up: true }])
    const route = { destination: '192.168.50.0/24' as never, metric: 100 }
    const { failed } = await driver.apply([{ op: 'route-add', ...route }])
    assert.is(failed.length, 1)
    const shown = spawnSync('ip', ['route', 'show', '192.168.50.0/24']).stdout.toString()
    assert.ok(shown.includes('dev hfother'), shown)
    ip('link', 'delete', 'dev', 'hfother')
    await subject.close()
  })

  test('a kernel that says nothing is not asked again; what it says is seen', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hf-driver-'))
    const privateKeyPath = join(directory, 'wg.key')
    writeFileSync(privateKeyPath, `${generateWgPrivateKey()}\n`, { mode: 0o600 })
    const log = memoryLog()
    const real = createRunner(log)
    const started: string[] = []
    const run: typeof real = (program, ...rest) => {
      started.push(program)
      return real(program, ...rest)
    }
    let aheadMs = 0
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs }
    const driver = createKernelDriver({
      interface: NAME,
      privateKeyPath,
      exitPath: `${privateKeyPath}.exit`,
      run,
      clock,
      log,
      policyDriver: 'nft',
    })
    let heard = Promise.withResolvers<void>()
    const stop = driver.watch(() => heard.resolve())
    const asks = async (): Promise<number> => {
      const before = started.length
      await driver.read()
      return started.length - before
    }
    /** Again and again: whoever listens may not do so yet. */
    const until = async (change: () => unknown): Promise<void> => {
      heard = Promise.withResolvers<void>()
      change()
      const again = setInterval(change, 200)
      await heard.promise
      clearInterval(again)
    }
    try {
      await driver.apply([{ op: 'link-add' }, { op: 'ruleset-set', ruleset: 'table inet holdfast {}\n' }])
      ip('link', 'add', 'hfother', 'type', 'veth', 'peer', 'name', 'hfother2')
      // Without addresses of their own, which would be told of a second later.
      for (const end of ['hfother', 'hfother2']) ip('link', 'set', 'dev', end, 'addrgenmode', 'none', 'up')
      await until(() => ip('address', 'replace', '10.1.0.1/32', 'dev', 'hfother'))
      aheadMs = 10_000
      const often = await asks()
      assert.ok((await asks()) < often)
      await until(() => ip('address', 'replace', '10.1.0.2/32', 'dev', 'hfother'))
      const { local } = await driver.read()
      assert.ok(local.some(({ address }) => address === '10.1.0.2'))
      await asks()
      await until(() => spawnSync('nft', ['add', 'chain', 'inet', 'holdfast', 'foreign']))
      assert.is((await driver.read()).ruleset, undefined)
    } finally {
      stop()
      ip('link', 'delete', 'dev', 'hfother')
      await driver.cleanup()
      rmSync(directory, { recursive: true })
    }
    assert.is(await asks(), await asks())
  })

  test('a host without IPv6 gets the IPv4 half', async () => {
    const subject = await open()
    writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1')
    writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1')
    const driver = subject.start()
    await turn(driver, sampleDesired(subject, sampleRecords(subject.wgKey)))
    assert.equal((await driver.read()).link?.addresses, ['10.77.0.1/32'])
    writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '0')
    writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '0')
    await subject.close()
  })
  test.run()
}

if (process.env[INSIDE] !== undefined) defineInside()
else {
  test('the real driver conforms, in a network namespace of its own', () => {
    assert.is(process.getuid?.(), 0, 'needs root')
    const argv = ['-n', '-m', 'sh', '-c', SCRIPT, 'sh', process.execPath, fileURLToPath(import.meta.url)]
    const inside = spawnSync('unshare', argv, { env: { ...process.env, [INSIDE]: '1' }, timeout: 480_000 })
    assert.is(inside.status, 0, `${inside.stdout.toString()}\n${inside.stderr.toString()}`)
  })
  test.run()
}
