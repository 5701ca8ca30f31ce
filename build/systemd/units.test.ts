// The units as they are shipped: each way of installing brings all of them, and a restart of the agent never drains its device.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { installScript } from '../install/script.ts'
import { unitTexts } from '../package.ts'

const here = import.meta.dirname

/** All of the agent; the hub's comes with the hub. */
const names = readdirSync(here).filter((name) => name.endsWith('.service') && name !== 'holdfast-hub.service')

function values(name: string, key: string): readonly string[] {
  const lines = readFileSync(join(here, name), 'utf8').split('\n')
  return lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1))
}

test('each way of installing brings every unit, with its text', () => {
  assert.equal(
    unitTexts()
      .map(([name]) => name)
      .sort(),
    [...names].sort(),
  )
  const script = installScript('keys')
  const laid = /for unit in ([a-z@ -]+); do\n +print_unit/.exec(script)?.[1]?.split(' ') ?? []
  assert.equal(laid.map((name) => `${name}.service`).sort(), [...names].sort())
  for (const name of names) {
    const text = readFileSync(join(here, name), 'utf8')
    assert.ok(script.includes(`    ${name.replace('.service', '')})\n      cat <<'UNIT'\n${text}UNIT\n`), name)
  }
})

for (const [of, drain, agent, words] of [
  ['the first network', 'holdfast-drain.service', 'holdfast.service', ''],
  ['a further one', 'holdfast-drain@.service', 'holdfast@.service', ' --network %i'],
] as const) {
  // Units of one network know each other by its name.
  const named = (unit: string): string => unit.replace('@.', '@%i.')

  test(`the host that goes down drains in ${of} before the agent and the network are gone; a restart of the agent does not`, () => {
    assert.equal(values(drain, 'After'), [`${named(agent)} network.target`])
    assert.equal(values(drain, 'ExecStop'), [`-/opt/holdfast/current/holdfast drain --until-start${words}`])
    assert.equal([values(drain, 'Type'), values(drain, 'RemainAfterExit')], [['oneshot'], ['yes']])
    assert.equal(values(drain, 'EnvironmentFile'), values(agent, 'EnvironmentFile'))
    // By any of these, stopping or restarting the agent would stop this unit, too.
    for (const key of ['PartOf', 'BindsTo', 'Requires', 'Requisite', 'StopPropagatedFrom'])
      assert.equal(values(drain, key), [])
    // It is there whenever the agent was started, and stays when that ends.
    assert.ok(values(agent, 'Wants').includes(named(drain)))
    assert.equal(values(agent, 'ExecStop'), [])
    assert.not.ok(values(agent, 'After').some((value) => value.includes('network.target')))
  })
}

test('the namespace of a further network is made where the whole host sees it, before its agent and whenever that is started', () => {
  const [netns, agent] = ['holdfast-netns@.service', 'holdfast@.service']
  assert.equal(values(netns, 'ExecStart'), ['-ip netns add hf-%i'])
  // Each of these gives a unit mounts of its own, also to a command that has all rights (systemd.exec(5)).
  const apart =
    /^(?:Protect|Private|ReadOnly|ReadWrite|Inaccessible|NoExec|Exec|Bind|Temporary|Root|Mount|Dynamic|State|Runtime)\w*=/
  const lines = readFileSync(join(here, netns), 'utf8').split('\n')
  assert.equal(
    lines.filter((line) => apart.test(line) && !line.startsWith('ExecStart=')),
    [],
  )
  assert.equal(values(netns, 'RemainAfterExit'), [], 'else it would not be made again for who left and joins')
  for (const key of ['After', 'Wants'])
    assert.ok(
      values(agent, key).some((value) => value.split(' ').includes('holdfast-netns@%i.service')),
      key,
    )
  assert.equal(values(agent, 'ExecStartPre'), [])
})

test.run()
