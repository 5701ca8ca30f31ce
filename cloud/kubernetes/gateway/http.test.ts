// HTTPRoutes come to a Service of the hub for each rule, with its hosts and paths; and what of them is not carried out is told.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { matchText } from '../../../shared/intent/http-match.ts'
import type { InputObject } from '../input.ts'
import { edge, gateway, inputsOf, look, nodes, object, route, service, tls } from './gateway-world.fake.ts'

const http = { name: 'web', protocol: 'HTTP', port: 80 }
const ref = (name = 'db', more: object = {}) => ({ name, port: 5432, ...more })
const prefix = (value: string) => ({ path: { type: 'PathPrefix', value } })
const exact = (value: string) => ({ path: { type: 'Exact', value } })
const asks = (name: string, rules: readonly object[], more: object = {}) =>
  route('HTTPRoute', `shop/${name}`, { rules: rules.map((one) => ({ backendRefs: [ref()], ...one })), ...more })

function seen(routes: readonly InputObject[], listeners: readonly object[] = [http], ...more: readonly InputObject[]) {
  return look(inputsOf(edge, gateway('shop/edge', listeners), service('shop/db'), ...more, ...routes))
}

/** Where the requests of each Service are taken, in words. */
function places({ specs }: ReturnType<typeof look>): readonly string[] {
  return Array.from(specs, ([name, { publish = [] }]) => {
    const each = publish.map(({ answer, hostnames = ['any'], paths = [], port }) => {
      return [`:${port}`, ...hostnames, ...paths.map(matchText), ...(answer === undefined ? [] : [answer])].join(' ')
    })
    return `${name} ${each.join(' | ')}`
  })
}

test('each rule is a Service, by its paths, with the names that route and listener share', () => {
  const rules = [{ matches: [prefix('/a/'), exact('/b'), prefix('/a')] }, {}]
  const both = seen(
    [asks('web', rules, { hostnames: ['A.example.com', '*.example.org', 'b.else'] })],
    [
      { ...http, hostname: '*.example.com' },
      { ...http, name: 'own', hostname: 'a.example.org' },
    ],
  )
  assert.equal(places(both), [
    'kube--http--shop--web--1 :80 a.example.com a.example.org /a =/b',
    'kube--http--shop--web--2 :80 a.example.com a.example.org',
  ])
  const spec = both.specs.get('kube--http--shop--web--1')
  assert.equal([spec?.ports[0]?.targetPort, spec?.publish?.[0]?.servicePort], ['sql', 5_432])
  assert.equal(both.route('HTTPRoute', 'web'), ['Accepted True Accepted', 'ResolvedRefs True ResolvedRefs'])
  assert.not.match(both.message('HTTPRoute', 'web'), /one label/)
  assert.equal(places(seen([asks('all', [{}])])), ['kube--http--shop--all--1 :80 any'])
  // As an API server gives a route without rules back, and one that filled in nothing.
  assert.equal(places(seen([route('HTTPRoute', 'shop/none', { rules: undefined })])), [
    'kube--http--shop--none--1 :80 any 500',
  ])
  const none = seen([asks('web', [{}], { hostnames: ['b.else'] })], [{ ...http, hostname: '*.example.com' }])
  assert.equal([none.specs.size, none.route('HTTPRoute', 'web')[0]], [0, 'Accepted False NoMatchingListenerHostname'])
})

test('listeners of HTTP share a port by names, and none with TLS', () => {
  const listeners = [http, { ...http, name: 'own', hostname: 'a.b' }, { ...tls, port: 80 }]
  const conflicts = seen([], listeners.slice(0, 2)).listeners('edge')
  assert.equal(
    conflicts.map((one) => one[1]),
    ['Conflicted False NoConflicts', 'Conflicted False NoConflicts'],
  )
  assert.is(seen([], listeners).listeners('edge')[2]?.[1], 'Conflicted True ProtocolConflict')
  assert.equal(seen([], [http]).statusOf('Gateway', 'edge').listeners[0]?.supportedKinds, [
    { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' },
  ])
})

test('what two rules ask for the older route has, then the earlier rule, and the rest of both is led', () => {
  const old = asks('z', [{ matches: [prefix('/a'), exact('/b')] }], { hostnames: ['a.b', 'c.b'] })
  const young = asks('a', [{ matches: [prefix('/a/'), prefix('/c')] }, { matches: [prefix('/c')] }], {
    hostnames: ['c.b', 'd.b'],
  })
  const both = seen([young, old].toReversed())
  assert.equal(places(both), [
    'kube--http--shop--z--1 :80 a.b c.b /a =/b',
    'kube--http--shop--a--1 :80 d.b /a | :80 c.b d.b /c',
  ])
  assert.match(both.message('HTTPRoute', 'a'), /have all that rule 2 asks for/)
  assert.is(both.route('HTTPRoute', 'a')[0], 'Accepted True Accepted')
  // Another Gateway at the same nodes is the same place, and one at others is not.
  const at = (name: string, where: string) => [
    gateway(`shop/${name}`, [http], nodes(where)),
    asks(`by-${name}`, [{}], { parentRefs: [{ name }] }),
  ]
  const apart = seen([asks('first', [{}]), ...at('same', 'site=north'), ...at('other', 'role=web')])
  assert.equal(places(apart), ['kube--http--shop--first--1 :80 any', 'kube--http--shop--by-other--1 :80 any'])
})

test('a rule goes by method, headers and query, and is another one than that of the same path', () => {
  const env = (value: string) => ({ type: 'Exact', name: 'X-Env', value })
  const page = { type: 'Exact', name: 'Page', value: '2' }
  const old = asks('z', [{ matches: [{ ...prefix('/a'), headers: [env('dev'), { ...env('x'), name: 'x-env' }] }] }])
  const rules = [
    { matches: [prefix('/a'), { ...prefix('/a/'), headers: [{ ...env('dev'), name: 'x-ENV' }] }] },
    { matches: [{ ...exact('/a'), queryParams: [page, { ...page, value: '3' }], method: 'POST' }] },
    { matches: [{ method: 'GET' }, {}] },
  ]
  const both = seen([asks('a', rules), old].toReversed())
  assert.equal(places(both), [
    'kube--http--shop--z--1 :80 any /a x-env="dev"',
    'kube--http--shop--a--1 :80 any /a',
    'kube--http--shop--a--2 :80 any POST =/a ?Page="2"',
    'kube--http--shop--a--3 :80 any GET / /',
  ])
  // Only where two may be met alike: of these the older route goes first, then the earlier rule.
  const orders = Array.from(both.specs.values(), ({ publish = [] }) =>
    publish.map(({ order }) => order ?? 'none').join(),
  )
  assert.equal(
    orders.map((one) => one.replace(/^\S+Z /, '')),
    ['shop/z 01', 'shop/a 01', 'shop/a 02', 'none'],
  )
  assert.ok((orders[0] ?? '') < (orders[1] ?? ''))
})

test('a rule may send its requests on, and leads to no Service then', () => {
  const requestRedirect = { scheme: 'https', hostname: 'New.example.com', port: 8443, statusCode: 301 }
  const filters = [{ type: 'RequestRedirect', requestRedirect }]
  const met = seen([asks('web', [{ matches: [prefix('/a')], filters, backendRefs: undefined }, {}])])
  assert.equal(places(met), ['kube--http--shop--web--1 :80 any /a', 'kube--http--shop--web--2 :80 any'])
  assert.equal(met.specs.get('kube--http--shop--web--1')?.publish?.[0]?.redirect, {
    status: 301,
    scheme: 'https',
    hostname: 'new.example.com',
    port: 8_443,
  })
  assert.equal(met.route('HTTPRoute', 'web'), ['Accepted True Accepted', 'ResolvedRefs True ResolvedRefs'])
  const path = { type: 'ReplaceFullPath', replaceFullPath: '/new' }
  const whole = seen([
    asks('web', [{ filters: [{ type: 'RequestRedirect', requestRedirect: { path } }], backendRefs: [] }]),
  ])
  assert.equal(whole.specs.get('kube--http--shop--web--1')?.publish?.[0]?.redirect, { status: 302, path: '/new' })
})

test('a rule that leads to no Service has its requests all the same, and they are told so', () => {
  const rules = [
    { matches: [prefix('/x')], backendRefs: [ref('away')] },
    { matches: [prefix('/y')], backendRefs: [] },
    { matches: [prefix('/z')], backendRefs: [ref('db', { namespace: 'data' })] },
    {},
  ]
  const met = seen([asks('web', rules)])
  assert.equal(places(met), [
    'kube--http--shop--web--1 :80 any /x 500',
    'kube--http--shop--web--2 :80 any /y 500',
    'kube--http--shop--web--3 :80 any /z 500',
    'kube--http--shop--web--4 :80 any',
  ])
  assert.is(met.route('HTTPRoute', 'web')[1], 'ResolvedRefs False BackendNotFound')
  const [expressions] = [met.specs.get('kube--http--shop--web--1')?.backends.matchExpressions]
  assert.equal(
    expressions?.map(({ operator }) => operator),
    ['Exists', 'DoesNotExist'],
  )
  const spoken = (appProtocol: string) => {
    const db = service('shop/h2', { ports: [{ port: 5432, appProtocol }] })
    return seen([asks('web', [{ backendRefs: [ref('h2')] }])], [http], db).route('HTTPRoute', 'web')[1]
  }
  assert.is(spoken('kubernetes.io/h2c'), 'ResolvedRefs False UnsupportedProtocol')
  assert.is(spoken('kubernetes.io/ws'), 'ResolvedRefs True ResolvedRefs')
  const grant = object('ReferenceGrant', 'data/let', {
    from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }],
    to: [{ group: '', kind: 'Service' }],
  })
  const let_ = seen([asks('web', rules.slice(2, 3))], [http], grant, service('data/db'))
  assert.is(let_.route('HTTPRoute', 'web')[1], 'ResolvedRefs True ResolvedRefs')
})

test('Services share the requests of a rule by weight, and one that is not there has its part, and leads nowhere', () => {
  const shares = [ref('db', { weight: 9 }), ref('new'), ref('away', { weight: 2 }), ref('db', { weight: 0 })]
  const env = { name: 'X-Env', value: 'dev' }
  const filters = [
    { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [env], remove: ['Cookie'] } },
    { type: 'ResponseHeaderModifier', responseHeaderModifier: { add: [env] } },
  ]
  const rules = [{ matches: [{ headers: [{ ...env, type: 'Exact' }] }], backendRefs: shares, filters }, {}]
  const met = seen([asks('web', rules)], [http], service('shop/new'))
  assert.equal(places(met), [
    'kube--http--shop--web--1--1 :80 any / x-env="dev"',
    'kube--http--shop--web--1--2 :80 any / x-env="dev"',
    'kube--http--shop--web--1--3 :80 any / x-env="dev" 500',
    'kube--http--shop--web--2 :80 any',
  ])
  const published = Array.from(met.specs.values(), ({ publish }) => publish?.[0])
  assert.equal(
    published.map((one) => one?.weight),
    [9, 1, 2, undefined],
  )
  assert.is(new Set(published.slice(0, 3).map((one) => one?.order)).size, 1)
  const { requestHeaders, responseHeaders } = published[0] ?? {}
  const named = { name: 'x-env', value: 'dev' }
  assert.equal([requestHeaders, responseHeaders], [{ remove: ['cookie'], set: [named] }, { add: [named] }])
  assert.equal([published[2]?.requestHeaders, published[3]?.requestHeaders], [undefined, undefined])
  assert.equal(met.route('HTTPRoute', 'web'), ['Accepted True Accepted', 'ResolvedRefs False BackendNotFound'])
})

test('what is not carried out is refused as a whole, in a sentence, and nothing of it is opened', () => {
  const ask = (rule: object) => {
    const met = seen([asks('web', [{}, rule])])
    assert.equal([met.specs.size, met.route('HTTPRoute', 'web')], [0, ['Accepted False UnsupportedValue']])
    return met.message('HTTPRoute', 'web')
  }
  const away = (requestRedirect: object, more: object = { backendRefs: [] }) =>
    ask({ matches: [prefix('/x')], filters: [{ type: 'RequestRedirect', requestRedirect }], ...more })
  assert.match(ask({ filters: [{ type: 'RequestRedirect' }] }), /^rule 2 has filters: /)
  assert.match(ask({ filters: [{ type: 'URLRewrite', urlRewrite: {} }] }), /^rule 2 has filters: /)
  const remove = (name: string) => ({ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: [name] } })
  assert.match(ask({ filters: [remove('a'), remove('b')] }), /^rule 2 has filters: .*each once/)
  assert.match(ask({ filters: [{ ...remove('a'), type: 'ResponseHeaderModifier' }] }), /^rule 2 has filters: /)
  assert.match(ask({ matches: [prefix('/x')], filters: [remove('Host')] }), /publish.*the gateway itself has the say/)
  const none = { type: 'RequestHeaderModifier', requestHeaderModifier: {} }
  assert.match(ask({ matches: [prefix('/x')], filters: [none] }), /changes nothing/)
  assert.match(away({ scheme: 'https' }, {}), /requests go to one of both/)
  assert.match(away({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } }), /ReplaceFullPath/)
  assert.match(away({ statusCode: 302 }), /asked for ever/)
  assert.match(away({ hostname: '*.a' }), /publish.*host name/)
  assert.match(ask({ backendRefs: [ref('db', { filters: [{}] })] }), /filters/)
  const pattern = { type: 'RegularExpression', name: 'x-env', value: '.*' }
  assert.match(ask({ matches: [{ headers: [pattern] }] }), /^rule 2: x-env is compared by RegularExpression/)
  assert.match(ask({ matches: [prefix('/'), { queryParams: [pattern] }] }), /by Exact alone/)
  assert.match(ask({ matches: [{ headers: [{ name: 'x env', value: 'b' }] }] }), /headers.*name of a header/)
  assert.match(ask({ matches: [{ headers: [{ name: 'x-env', value: ' b' }] }] }), /headers.*value of a header/)
  assert.match(ask({ matches: [{ method: 'CONNECT' }] }), /publish.*method/)
  assert.match(ask({ matches: [{ path: { type: 'RegularExpression', value: '/.*' } }] }), /RegularExpression/)
  assert.match(ask({ matches: [prefix('no slash')] }), /publish.*begins with a slash/)
  assert.match(ask({ timeouts: { request: '10s' } }), /timeouts/)
  assert.match(ask({ unheard: true }), /unheard/)
  // What says nothing is nothing.
  const empty = { filters: [], matches: [{ ...prefix('/'), headers: [], queryParams: [] }] }
  assert.is(seen([asks('web', [empty])]).route('HTTPRoute', 'web')[0], 'Accepted True Accepted')
  const zero = [ref('db'), ref('else', { weight: 0 })]
  assert.is(seen([asks('web', [{ backendRefs: zero }])]).route('HTTPRoute', 'web')[0], 'Accepted True Accepted')
})

test('a route that has no room is refused, and leaves what it wanted to others', () => {
  const names = Array.from({ length: 16 }, (_, index) => `h${index}.example.com`)
  // A list of 16 at once, and 16 lists: more rules of names and paths than a Service is published by.
  const matches = Array.from({ length: 16 * 17 }, (_, index) => prefix(`/${index}`))
  const wide = asks('wide', [{ matches: matches.slice(0, 64) }], { hostnames: names })
  assert.is(seen([wide]).specs.get('kube--http--shop--wide--1')?.publish?.length, 4)
  const odd = asks('odd', [{ matches: [prefix('/a')] }, { matches: [prefix('/%')] }])
  const next = asks('next', [{ matches: [prefix('/a')] }])
  const met = seen([odd, next])
  assert.equal(places(met), ['kube--http--shop--next--1 :80 any /a'])
})

test.run()
