// What a route leads to, and what nobody is led to.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { InputObject } from '../input.ts'
import { edge, gateway, inputsOf, look, object, route, service, tcp } from './gateway-world.fake.ts'

test('a Service of another namespace needs a ReferenceGrant, and without one nobody learns whether it is there', () => {
  const rules = [{ backendRefs: [{ name: 'db', namespace: 'data', port: 5432 }] }]
  const asks = route('TCPRoute', 'shop/db', { rules })
  const ask = (...more: readonly InputObject[]) => {
    const seen = look(inputsOf(edge, gateway('shop/edge', [tcp]), asks, ...more))
    return `${seen.specs.size} ${seen.route('TCPRoute', 'db')[1]}`
  }
  const grant = (spec: object) => object('ReferenceGrant', 'data/let', spec)
  const from = [{ group: 'gateway.networking.k8s.io', kind: 'TCPRoute', namespace: 'shop' }]
  const to = [{ group: '', kind: 'Service' }]
  const db = service('data/db')
  assert.is(ask(db), '0 ResolvedRefs False RefNotPermitted')
  assert.is(ask(), '0 ResolvedRefs False RefNotPermitted')
  assert.is(ask(db, grant({ from, to })), '1 ResolvedRefs True ResolvedRefs')
  assert.is(ask(grant({ from, to })), '0 ResolvedRefs False BackendNotFound')
  assert.is(
    ask(db, grant({ from, to: [{ group: '', kind: 'Service', name: 'other' }] })),
    '0 ResolvedRefs False RefNotPermitted',
  )
  assert.is(ask(db, grant({ from: [{ ...from[0], kind: 'TLSRoute' }], to })), '0 ResolvedRefs False RefNotPermitted')
  assert.is(ask(db, grant({ from: [{ ...from[0], namespace: 'else' }], to })), '0 ResolvedRefs False RefNotPermitted')
  assert.is(ask(db, { ...grant({ from, to }), namespace: 'shop' }), '0 ResolvedRefs False RefNotPermitted')
})

test('backends that nothing can be led to are told by the words of that API', () => {
  const ask = (ref: object, spec: object = {}) => {
    const asks = route('TCPRoute', 'shop/db', { rules: [{ backendRefs: [ref] }] })
    const seen = look(inputsOf(edge, gateway('shop/edge', [tcp]), service('shop/db', spec), asks))
    return `${seen.specs.size} ${seen.route('TCPRoute', 'db').join()}`
  }
  const accepted = 'Accepted True Accepted'
  assert.is(ask({ name: 'away', port: 1 }), `0 ${accepted},ResolvedRefs False BackendNotFound`)
  assert.is(ask({ name: 'db', port: 1 }), `0 ${accepted},ResolvedRefs False BackendNotFound`)
  assert.is(ask({ name: 'db' }), `0 ${accepted},ResolvedRefs False BackendNotFound`)
  assert.is(ask({ name: 'db', kind: 'Pod', port: 5432 }), `0 ${accepted},ResolvedRefs False InvalidKind`)
  const udp = { ports: [{ port: 5432, protocol: 'UDP' }] }
  assert.is(ask({ name: 'db', port: 5432 }, udp), `0 ${accepted},ResolvedRefs False UnsupportedProtocol`)
  const external = { type: 'ExternalName', externalName: 'a.example', selector: undefined }
  assert.is(ask({ name: 'db', port: 5432 }, external), `0 ${accepted},ResolvedRefs False InvalidKind`)
  assert.is(
    ask({ name: 'db', port: 5432 }, { selector: undefined }),
    `0 ${accepted},ResolvedRefs False UnsupportedValue`,
  )
  // One without an address is its pods like any other.
  assert.is(ask({ name: 'db', port: 5432 }, { clusterIP: 'None' }), `1 ${accepted},ResolvedRefs True ResolvedRefs`)
})

test('what a route asks for beyond one Service is refused, and never left out', () => {
  const ask = (rules: unknown) => {
    const seen = look(
      inputsOf(edge, gateway('shop/edge', [tcp]), service('shop/db'), route('TCPRoute', 'shop/db', { rules })),
    )
    return `${seen.specs.size} ${seen.route('TCPRoute', 'db')[0]}`
  }
  const ref = { name: 'db', port: 5432 }
  const refused = '0 Accepted False UnsupportedValue'
  assert.is(ask([{ backendRefs: [ref, { ...ref, name: 'else' }] }]), refused)
  assert.is(ask([{ backendRefs: [{ ...ref, weight: 0 }] }]), refused)
  assert.is(ask([{ backendRefs: [{ ...ref, weight: -1 }] }]), refused)
  assert.is(ask([{ backendRefs: [ref] }, { backendRefs: [ref] }]), refused)
  assert.is(ask([{ backendRefs: [ref], filters: [{}] }]), refused)
  assert.is(ask([]), refused)
  assert.is(ask('none'), refused)
  assert.is(ask([{ backendRefs: [ref, { ...ref, name: 'else', weight: 0 }] }]), '1 Accepted True Accepted')
})

test.run()
