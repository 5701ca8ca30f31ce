// The doctor on hosts that nobody has at hand.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { HostProbe } from '../host/probe.ts'
import { type DoctorOptions, diagnose } from './doctor.ts'

/** A host where nothing is missing, with what a test changes. */
function host(changes: Partial<HostProbe> = {}): HostProbe {
  const files: Record<string, string> = {
    '/proc/sys/net/ipv6/conf/all/disable_ipv6': '0',
    '/sys/class/net/eth0/mtu': '1500',
  }
  return {
    isRoot: true,
    exists: (path) => path === '/sys/module/wireguard' || path === '/sys/class/net/eth0/device',
    read: (path) => files[path],
    list: (path) => (path === '/sys/class/net' ? ['lo', 'eth0', 'br0'] : []),
    which: (program) => `/usr/sbin/${program}`,
    freeBytes: () => 1 << 30,
    modeOf: () => 0o700,
    ...changes,
  }
}

function verdicts(changes: Partial<DoctorOptions>): Record<string, string> {
  const hub = { url: 'https://hub', reached: true, why: '' }
  const findings = diagnose({ probe: host(), stateDir: '/var/lib/holdfast', now: 2e12, floor: 1e12, hub, ...changes })
  for (const { verdict, remedy, check } of findings) if (verdict === 'fails') assert.ok(remedy, check)
  return Object.fromEntries(
    findings.filter(({ verdict }) => verdict !== 'ok').map(({ check, verdict }) => [check, verdict]),
  )
}

test('a healthy host has nothing to mend', () => {
  assert.equal(verdicts({}), {})
})

test('what is missing is named, and what is used instead', () => {
  const none = (): undefined => undefined
  assert.equal(verdicts({ probe: host({ exists: () => false, which: none }) }), {
    WireGuard: 'fails',
    'program wg': 'fails',
    'program ip': 'fails',
    'program nft': 'fails',
    policy: 'fails',
  })
  assert.equal(verdicts({ probe: host({ exists: (path) => path === '/dev/net/tun' }) }), { WireGuard: 'note' })
  assert.equal(verdicts({ probe: host({ exists: () => false }) }), { WireGuard: 'fails' })
  assert.equal(verdicts({ probe: host({ isRoot: false, modeOf: () => 0o755, freeBytes: () => 1_000 }) }), {
    privilege: 'fails',
    'state directory': 'fails',
    disk: 'note',
  })
})

test('which way of enforcing policy is used, and why not the other', () => {
  const used = (policy: NonNullable<DoctorOptions['policy']>): readonly (string | undefined)[] => {
    const all = diagnose({ probe: host(), stateDir: '/var/lib/holdfast', now: 2e12, floor: 1e12, policy })
    const finding = all.find(({ check }) => check === 'policy')
    return [finding?.found, finding?.used]
  }
  const both = 'programs in the kernel, and nft'
  const table = 'nft, in the table inet holdfast_policy'
  assert.equal(used({ driver: 'auto', stands: true }), [both, 'programs at the interface of the mesh'])
  assert.equal(used({ driver: 'nft', stands: false }), [both, `${table}: policyDriver is nft`])
  assert.equal(used({ driver: 'auto', stands: false }), [
    both,
    `${table}: no agent runs, or an override ends by the time of day`,
  ])
  assert.equal(used({ driver: 'auto', stands: false, whyNot: 'no room' }), ['nft; no room', table])
})

test('a wrong clock, an unreachable hub and a small MTU are notes, for the mesh works all the same', () => {
  const read = (path: string): string => (path.endsWith('mtu') ? '1280' : '1')
  assert.equal(
    verdicts({
      now: 5,
      probe: host({ read, exists: (path) => path.includes('eth0') || path.includes('wireguard') }),
      hub: { url: 'https://hub', reached: false, why: 'no route' },
    }),
    { IPv6: 'note', clock: 'note', MTU: 'note', hub: 'note' },
  )
})

test('a proxy on the way to the hub is named', () => {
  const at = { probe: host(), stateDir: '/var/lib/holdfast', now: 2e12, floor: 1e12 }
  const hub = { url: 'https://hub', reached: true, why: '', proxy: 'proxy:3128' }
  const told = (reached: boolean) =>
    diagnose({ ...at, hub: { ...hub, reached, why: 'status 403' } }).find(({ check }) => check === 'hub')
  assert.match(told(true)?.found ?? '', /pinned one, through the proxy proxy:3128$/)
  assert.match(told(false)?.remedy ?? '', /the proxy/)
})

test.run()
