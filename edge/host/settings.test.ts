// Where settings come from, and how errors name them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import {
  controlPortOf,
  envName,
  hubBehindOf,
  keepaliveOf,
  metricsAt,
  namesPortOf,
  proxyOf,
  readSettings,
  type SettingSources,
} from './settings.ts'

const read = (sources: Partial<SettingSources>) => readSettings({ file: undefined, env: {}, flags: {}, ...sources })

function controlOf(sources: Partial<SettingSources>): number {
  const { controlPort, listenPort = 51_820 } = read(sources)
  return controlPortOf({ controlPort, listenPort })
}

function fault(sources: Partial<SettingSources>): string {
  try {
    read(sources)
  } catch (error) {
    if (isHoldfastError(error)) return `${error.field}: ${error.message}`
    throw error
  }
  return ''
}

test('the later source wins: defaults, file, environment, flags', () => {
  assert.is(read({}).listenPort, undefined, 'left to the node’s own choice')
  const file = { listenPort: 1_000, interface: 'mesh0' }
  assert.is(read({ file }).listenPort, 1_000)
  assert.is(read({ file, env: { HOLDFAST_LISTEN_PORT: '2000' } }).listenPort, 2_000)
  const all = read({ file, env: { HOLDFAST_LISTEN_PORT: '2000' }, flags: { listenPort: '3000' } })
  assert.equal([all.listenPort, all.interface], [3_000, 'mesh0'])
  assert.is(read({ env: { HOLDFAST_METERED: '1' } }).metered, true)
  assert.is(read({ flags: { setClock: false } }).setClock, false)
  assert.is(read({ env: { HOLDFAST_LAN: 'false' } }).lan, false)
})

test('a proxy and a hub behind are addresses; a wrong one is refused without repeating a password', () => {
  const proxy = 'http://agent:hunter22@proxy:3128'
  assert.equal(proxyOf(read({ file: { proxy } })), { host: 'proxy', port: 3_128, credentials: 'agent:hunter22' })
  assert.is(proxyOf(read({})), undefined)
  const told = fault({ file: { proxy: 'https://agent:hunter22@proxy' } })
  assert.match(told, /^proxy: /)
  assert.not.match(told, /hunter22/)
  assert.equal(hubBehindOf(read({ file: { hubBehind: '127.0.0.1:8443' } })), { host: '127.0.0.1', port: 8_443 })
  assert.equal(hubBehindOf(read({ flags: { hubBehind: '[::1]:8443' } })), { host: '::1', port: 8_443 })
  assert.is(hubBehindOf(read({})), undefined)
  assert.match(fault({ flags: { hubBehind: '127.0.0.1' } }), /^--hub-behind: /)
})

test('an uplink paid by the byte gets fewer signs of life', () => {
  assert.is(keepaliveOf(read({})), 60)
  assert.is(keepaliveOf(read({ file: { metered: true } })), 240)
  assert.is(keepaliveOf(read({ file: { metered: true, keepaliveS: 30 } })), 30)
})

test('the watch over a revision: its length, and what is watched beside the network', () => {
  assert.equal([read({}).confirmS, read({}).confirmProbes], [30, []])
  assert.is(read({ flags: { confirmS: '0' } }).confirmS, 0)
  const probes = ['tcp:10.0.0.5:502', 'ping:10.0.0.1']
  assert.equal(read({ file: { confirmProbes: probes } }).confirmProbes, probes)
  assert.equal(read({ env: { HOLDFAST_CONFIRM_PROBES: probes.join(', ') } }).confirmProbes, probes)
  assert.match(fault({ flags: { confirmProbes: 'ping:-c' } }), /^--confirm-probes/)
  assert.match(fault({ file: { confirmS: 601 } }), /^confirmS: /)
})

test('the path engine’s port is the next one, and four sockets need four ports', () => {
  assert.is(controlOf({}), 51_821)
  assert.is(controlOf({ file: { listenPort: 4_000 } }), 4_001)
  assert.is(controlOf({ file: { listenPort: 65_535 } }), 65_534)
  assert.is(controlOf({ env: { HOLDFAST_CONTROL_PORT: '5000' } }), 5_000)
  assert.match(fault({ file: { controlPort: 51_820 } }), 'controlPort: listenPort 51820, controlPort 51820')
  assert.match(fault({ flags: { controlPort: '51822' } }), '--control-port: listenPort 51820, controlPort 51822')
  // WireGuard's port moved below that of the mesh, so that the default is taken.
  assert.match(fault({ file: { listenPort: 51_821 } }), 'controlPort: listenPort 51821, controlPort 51822')
  assert.match(fault({ file: { meshPort: 51_820 } }), 'meshPort: ')
  assert.match(fault({ flags: { lanPort: '51822' } }), '--lan-port: ')
  assert.match(fault({ file: { listenPort: 51_823 } }), 'lanPort: ')
})

test('the resolver’s port makes room for those that somebody chose, and is refused where somebody chose it twice', () => {
  const namesOf = (file: object): number =>
    namesPortOf({ ...read({ file }), listenPort: read({ file }).listenPort ?? 51_820 })
  assert.is(namesOf({}), 51_824)
  assert.is(namesOf({ listenPort: 51_824 }), 51_826)
  assert.is(namesOf({ namesPort: 53 }), 53)
  assert.match(fault({ file: { namesPort: 51_822 } }), 'namesPort: 51822 is another port of the agent already')
})

test('errors name the setting as its source spells it', () => {
  assert.match(fault({ file: { listenport: 1 } }), 'listenport: is not a known field')
  assert.match(fault({ file: { listenPort: 0 } }), 'listenPort: ')
  assert.match(fault({ env: { HOLDFAST_MESH_PORT: 'x' } }), 'HOLDFAST_MESH_PORT: ')
  assert.match(
    fault({ flags: { interface: 'a name that is too long' } }),
    '--interface: is not the name of an interface',
  )
  assert.match(fault({ flags: { metered: 'maybe' } }), '--metered: ')
  assert.match(fault({ file: ['a'] }), 'not a map')
  assert.is(envName('logLevel'), 'HOLDFAST_LOG_LEVEL')
})

test('a port for scrapers is an address with a port, and none where nobody names one', () => {
  assert.is(metricsAt(read({})), undefined)
  assert.equal(metricsAt(read({ file: { metrics: '127.0.0.1:9586' } })), { host: '127.0.0.1', port: 9_586 })
  assert.equal(metricsAt(read({ env: { HOLDFAST_METRICS: '[fd00::7]:9586' } })), { host: 'fd00::7', port: 9_586 })
  for (const bad of ['9586', ':9586', 'localhost:9586', '10.0.0.1', '10.0.0.1:0', '10.0.0.1:70000']) {
    assert.match(fault({ flags: { metrics: bad } }), /^--metrics: .*is not like 127\.0\.0\.1:9586/, bad)
  }
})

test('a further network has names and ports of its own, and is refused what is the host’s', () => {
  const blue = read({ flags: { network: 'blue' } })
  assert.equal(
    [blue.state, blue.interface, blue.namesPort, blue.hubUpdates],
    ['/var/lib/holdfast/networks/blue', 'hf-blue', 53, 'off'],
  )
  const told = read({
    env: { HOLDFAST_NETWORK: 'blue', HOLDFAST_STATE: '/srv/hf', HOLDFAST_ATTACH: 'eth1=10.0.0.1/24,eth2' },
  })
  assert.equal([told.state, told.attach], ['/srv/hf/networks/blue', ['eth1=10.0.0.1/24', 'eth2']])
  assert.is(read({ flags: { network: 'blue', interface: 'mesh7' } }).interface, 'mesh7')
  assert.match(fault({ flags: { network: '../x' } }), '--network: is not a name for a network here')
  assert.match(fault({ flags: { attach: 'eth1' } }), '--attach: interfaces of this host are its first network’s')
  assert.match(fault({ flags: { network: 'blue', attach: 'eth1=10.0.0.1' } }), '--attach: is not like eth0.20=')
  assert.match(fault({ flags: { network: 'blue', kubernetes: 'in-cluster' } }), '--kubernetes: pods of this host')
})

test.run()
