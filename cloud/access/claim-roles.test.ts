// Who may do what by a provider's word: by rules alone, the highest that fits, and nobody without one.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ClaimRule, nameOf, roleOf } from './claim-roles.ts'

const rules: readonly ClaimRule[] = [
  { claim: 'groups', value: 'everybody', role: 'viewer' },
  { claim: 'groups', value: 'netops', role: 'admin' },
  { claim: 'email', value: 'ann@example.org', role: 'operator' },
  { claim: 'realm_access.roles', value: 'noc', role: 'operator' },
  { claim: 'https://example.org/level', value: '3', role: 'admin' },
  { claim: 'admin', value: 'true', role: 'admin' },
]

for (const [what, claims, role] of [
  ['nothing', {}, undefined],
  ['a group', { groups: ['everybody'] }, 'viewer'],
  ['several groups: the highest', { groups: ['everybody', 'netops'] }, 'admin'],
  ['a group as a text', { groups: 'netops' }, 'admin'],
  ['a part of a name', { groups: ['netops-guests', 'NETOPS', ' netops'] }, undefined],
  ['a text', { email: 'ann@example.org' }, 'operator'],
  ['a way of dots', { realm_access: { roles: ['noc'] } }, 'operator'],
  ['a way that ends early', { realm_access: 'roles' }, undefined],
  ['a name with dots', { 'https://example.org/level': 3 }, 'admin'],
  ['a plain value', { admin: true }, 'admin'],
  ['lists in lists', { groups: [['netops']] }, undefined],
  ['an object that looks like one', { groups: { toString: 'netops' } }, undefined],
  ['what every object has', { groups: null, realm_access: { __proto__: { roles: ['noc'] } } }, undefined],
] as const) {
  test(`${what} gives ${role ?? 'no role'}`, () => {
    assert.is(roleOf(claims, rules), role)
  })
}

test('without rules nobody gets in', () => {
  assert.is(roleOf({ groups: ['netops'], sub: 'ann' }, []), undefined)
})

test('a name for people is short and plain', () => {
  assert.is(nameOf({ sub: 'x1', email: 'ann@example.org' }), 'ann@example.org')
  assert.is(nameOf({ sub: 'x1', name: ' ', preferred_username: 7 }), 'x1')
  assert.is(nameOf({ name: `A\u202En\u0000n${'n'.repeat(200)}` }).length, 100)
  assert.is(nameOf({}), 'somebody')
})

test.run()
