// Policy as the lines of a table for the kernel's own programs.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import type { Table } from '../../shared/policy/table.ts'
import { fakeWorld } from '../../shared/policy/world.fake.ts'
import { renderBpfTable } from './bpf-policy.ts'
import type { Enforcement } from './enforcement.ts'

const only = { subject: { node: 'a' }, ingress: [{ from: [{ node: 'b' }], ports: [{ port: 80, endPort: 81 }] }] }
const audited = { ...only, mode: 'Audit', ingress: [{ from: [{ node: 'b' }], ports: [{ protocol: 'UDP' }] }] }
const self = parseAddress('10.77.0.1')

function enforcementOf(table: Table): Enforcement {
  const forwards = [
    { destination: parseCidr('192.168.40.0/24'), nat: 'none' },
    { destination: parseCidr('192.168.41.0/24'), nat: 'masquerade' },
  ] as const
  return { interface: 'hf0', meshPort: 51_822, self, phases: [{ table }], forwards }
}

function linesOf(policies: Readonly<Record<string, object>>) {
  const { table } = compileTable(fakeWorld({ policies }), 'a')
  const lines = renderBpfTable(enforcementOf(table), table).split('\n')
  return {
    table,
    lines,
    own: table.locals.get(self) ?? 0,
    cookie: (kind: string): number | undefined => table.cookies.get(kind),
    of: (kind: string) => lines.filter((line) => line.startsWith(`${kind} `)),
  }
}

test('nodes, what is behind this one, and who decides', () => {
  const { cookie, lines, of, own, table } = linesOf({ only })
  const b = table.addresses.get(parseCidr('10.77.0.2/32'))
  const [rule, isolated, open] = ['ingress Standard only 0', 'ingress isolated only', 'egress default'].map(cookie)
  assert.equal(of('p'), ['p 51822'])
  assert.equal(of('l'), [
    `l 10.77.0.1/32 ${own} node`,
    `l 192.168.40.0/24 ${own} behind`,
    `l 192.168.41.0/24 ${own} masked`,
    `l fd77::1/128 ${own} node`,
  ])
  assert.ok(of('a').includes(`a 10.77.0.2/32 ${b} node`))
  assert.equal(
    of('e'),
    [
      `e ${own} 0 in 0 0/0 drop ${isolated} 0`,
      `e ${own} 0 out 0 0/0 accept ${open} 0`,
      `e ${own} ${b} in 0 0/0 drop ${isolated} 0`,
      `e ${own} ${b} in 6 80/15 accept ${rule} 0`,
    ].sort(),
  )
  assert.equal(lines.slice(-2), ['.', ''])
})

test('what Audit would change names the rule that would', () => {
  const { cookie, of } = linesOf({ only, audited })
  const [rule, isolated] = ['ingress Standard audited 0', 'ingress isolated only'].map(cookie)
  assert.ok(of('e').some((line) => line.endsWith(` in 17 0/0 drop ${isolated} ${rule}`)))
  assert.ok(of('e').some((line) => / in 6 80\/15 accept \d+ 0$/.test(line)))
})

test('the same table is the same text, however it came about', () => {
  const world = fakeWorld({ policies: { only, audited } })
  const anew = compileTable(world, 'a').table
  const before = compileTable(fakeWorld({ policies: { audited } }), 'a')
  const after = compileTable(world, 'a', before).table
  assert.is(renderBpfTable(enforcementOf(after), after), renderBpfTable(enforcementOf(anew), anew))
})

test('who is no member has a table in which nobody is', () => {
  const table: Table = { addresses: new Map(), locals: new Map(), cells: new Map(), cookies: new Map() }
  const { self: _, ...policy } = enforcementOf(table)
  assert.is(renderBpfTable({ ...policy, forwards: [] }, table), 'p 51822\n.\n')
})

test.run()
