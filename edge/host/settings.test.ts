// Where settings come from, and how errors name them.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { envName, keepaliveOf, readSettings, type SettingSources } from './settings.ts'

const read = (sources: Partial<SettingSources>) => readSettings({ file: undefined, env: {}, flags: {}, ...sources })

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
  assert.is(read({}).listenPort, 51_820)
  const file = { listenPort: 1_000, interface: 'mesh0' }
  assert.is(read({ file }).listenPort, 1_000)
  assert.is(read({ file, env: { HOLDFAST_LISTEN_PORT: '2000' } }).listenPort, 2_000)
  const all = read({ file, env: { HOLDFAST_LISTEN_PORT: '2000' }, flags: { listenPort: '3000' } })
  assert.equal([all.listenPort, all.interface], [3_000, 'mesh0'])
  assert.is(read({ env: { HOLDFAST_METERED: '1' } }).metered, true)
  assert.is(read({ flags: { setClock: false } }).setClock, false)
})

test('an uplink paid by the byte gets fewer signs of life', () => {
  assert.is(keepaliveOf(read({})), 60)
  assert.is(keepaliveOf(read({ file: { metered: true } })), 240)
  assert.is(keepaliveOf(read({ file: { metered: true, keepaliveS: 30 } })), 30)
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

test.run()
