// Overrides at the hub: believed only from the device itself, audited once, accepted for that device alone, or dropped.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { parseName } from '../../shared/ids.ts'
import { parseWith, type Resource, specs } from '../../shared/intent/resource.ts'
import { type OverrideEndWhy, sealOverride, sealOverrideEnd } from '../../shared/override/override.ts'
import { encodeOverrides, type ToldOverride } from '../../shared/override/report.ts'
import { hubMetrics } from '../api/metrics.ts'
import { admin, createWorld, device, recordOf, resource, type World } from '../hub-world.fake.ts'

const at = 1_700_000_000_000
const spec = parseWith(specs.Policy, {
  subject: { nodeSelector: { matchLabels: { role: 'press' } } },
  ingress: [{ ports: [{ port: 8080 }] }],
})

async function world(): Promise<World> {
  const one = createWorld()
  await one.start()
  await one.join(1, 'alpha')
  await one.join(2, 'beta')
  await one.pass()
  return one
}

interface Twist {
  readonly seed?: number
  readonly reason?: string
  readonly end?: OverrideEndWhy
}

/** An override as the device `seed` signs it. */
function made(one: World, { end, reason = 'line 3 is down', seed = 1 }: Twist = {}): ToldOverride {
  const { nodeId: node, signer } = device(seed)
  const network = one.network()
  const policies = [{ name: parseName('open-hmi'), spec }]
  const by = { uid: 0, login: 'anna' }
  const body = { network, node, policies, reason, by, madeAt: at, expiresAt: at + 3_600_000 }
  const named = sealOverride(body, signer, sha256)
  if (end === undefined) return named
  const ended = { network, node, override: named.id, why: end, at: at + 1 }
  return { ...named, end: ended, endEnvelope: sealOverrideEnd(ended, signer, sha256) }
}

const tell = (one: World, told: readonly ToldOverride[], seed = 1) =>
  one.say(device(seed).nodeId, 'override', encodeOverrides(told))

function verbs(one: World): string[] {
  return one.hub
    .audit(100)
    .filter(({ target }) => target.startsWith('override/'))
    .map(({ verb }) => verb)
    .toReversed()
}

function failure(run: () => unknown): HoldfastError {
  try {
    run()
  } catch (error) {
    if (error instanceof HoldfastError) return error
  }
  throw new HoldfastError('failed', 'it was done')
}

test('what a device tells is listed, shown with the device, counted, and audited once', async () => {
  const one = await world()
  const told = made(one)
  await tell(one, [told])
  await tell(one, [told])
  assert.equal(
    one.hub.overrides().map(({ id, node, reason, state }) => [id, node, reason, state]),
    [[told.id, 'alpha', 'line 3 is down', 'active']],
  )
  const [alpha, beta] = one.hub.fleet()
  assert.is(alpha?.overrides?.[0]?.id, told.id)
  assert.is(beta?.overrides, undefined)
  assert.equal(verbs(one), ['override'])
  assert.match(one.hub.audit(1)[0]?.detail ?? '', /on alpha by root \(login anna\).*open-hmi: line 3 is down/)
  const figures = {
    version: '1',
    uptimeS: 1,
    residentBytes: 1,
    watchers: 0,
    flows: undefined,
    brokerConnections: 0,
    rollOut: [],
  }
  assert.match(hubMetrics({ ...figures, fleet: one.hub.fleet() }), /holdfast_node_overrides\{.*node="alpha"\} 1\n/)
})

test('one that came and went while the hub was away is audited from beginning to end', async () => {
  const one = await world()
  await tell(one, [made(one, { end: 'expired' })])
  assert.equal(verbs(one), ['override', 'override-expired'])
  assert.is(one.hub.fleet()[0]?.overrides, undefined)
})

test('an override signed by another device is refused, and neither listed nor audited', async () => {
  const one = await world()
  await tell(one, [made(one, { seed: 2 })], 1)
  assert.equal(one.hub.overrides(), [])
  assert.equal(verbs(one), [])
  assert.is(one.hub.fleet()[0]?.health[0]?.code, 'report-rejected')
})

test('the end of one override does not end another', async () => {
  const one = await world()
  const held = made(one)
  const other = made(one, { reason: 'something else', end: 'restored' })
  await tell(one, [{ ...held, end: other.end, endEnvelope: other.endEnvelope }])
  assert.is(one.hub.overrides()[0]?.state, 'active')
})

test('it is known again after the hub was restarted', async () => {
  const one = await world()
  await tell(one, [made(one)])
  await one.hub.stop()
  one.broker.forgetRetained()
  await one.restart()
  assert.is(one.hub.overrides()[0]?.reason, 'line 3 is down')
  await tell(one, [made(one)])
  assert.equal(verbs(one), ['override'])
})

test('accepted: its policies are intent for that one device, with the verdict in the same revision', async () => {
  const one = await world()
  one.hub.put(resource('Policy', 'open-hmi', { subject: { nodeSelector: {} } }), admin)
  await one.pass()
  const told = made(one)
  await tell(one, [told])
  const before = one.version().revision
  const [shown] = one.hub.acceptOverride(told.id.slice(0, 6), admin)
  await one.pass()
  const policy = shown?.resource as Resource<'Policy'>
  assert.is(policy.metadata.name, `open-hmi-${told.id.slice(0, 8)}`)
  assert.equal(policy.spec, { ...spec, subject: { node: 'alpha', nodeSelector: { matchLabels: { role: 'press' } } } })
  assert.is(policy.metadata.annotations?.['holdfast.dev/override'], told.id)
  assert.is(one.version().revision, before + 1)
  assert.equal(recordOf(one, `verdict/${told.id}`), { name: told.id, node: device(1).nodeId, verdict: 'accepted' })
  const kept = one.hub.get('Policy', 'open-hmi')?.resource as Resource<'Policy'>
  assert.equal(kept.spec.subject, { nodeSelector: {} }, 'the fleet’s own policy of that name is untouched')
  assert.is(one.hub.overrides()[0]?.verdict, 'accepted')
  assert.equal(verbs(one), ['override', 'accept'])
  assert.is(failure(() => one.hub.dropOverride(told.id, admin)).code, 'conflict')
})

test('dropped: a verdict alone; taken back once the device has told that it heard it', async () => {
  const one = await world()
  const told = made(one)
  await tell(one, [told])
  assert.is(one.hub.dropOverride(told.id, admin).verdict, 'dropped')
  await one.pass()
  assert.ok(one.records().includes(`verdict/${told.id}`))
  await tell(one, [told])
  await one.pass()
  assert.ok(one.records().includes(`verdict/${told.id}`), 'an older word of the device takes nothing back')
  await tell(one, [made(one, { end: 'dropped' })])
  await one.pass()
  assert.not(one.records().includes(`verdict/${told.id}`))
  assert.equal(one.hub.list('Policy'), [])
  assert.equal(verbs(one), ['override', 'drop', 'override-dropped'])
})

test('a verdict outlives a crash of the hub, and ends with the membership of its device', async () => {
  const one = await world()
  const told = made(one)
  await tell(one, [told])
  one.hub.dropOverride(told.id, admin)
  one.crash()
  await one.restart()
  assert.ok(one.records().includes(`verdict/${told.id}`))
  assert.is(one.hub.overrides()[0]?.verdict, 'dropped')
  one.hub.delete('Node', 'alpha', admin)
  await one.pass()
  assert.not(one.records().includes(`verdict/${told.id}`))
})

test('one that has ended can still become intent; it can’t be dropped', async () => {
  const one = await world()
  const told = made(one, { end: 'expired' })
  await tell(one, [told])
  assert.is(failure(() => one.hub.dropOverride(told.id, admin)).code, 'conflict')
  one.hub.acceptOverride(told.id, admin)
  await one.pass()
  assert.ok(one.records().includes(`policy/open-hmi-${told.id.slice(0, 8)}`))
  assert.not(one.records().includes(`verdict/${told.id}`))
  assert.is(failure(() => one.hub.acceptOverride(told.id, admin)).code, 'conflict')
})

test('an id that is none, or the beginning of several, is told so', async () => {
  const one = await world()
  await tell(one, [made(one), made(one, { reason: 'other' })])
  assert.ok(
    isHoldfastError(
      failure(() => one.hub.acceptOverride('zzzz', admin)),
      'not-found',
    ),
  )
  assert.match(failure(() => one.hub.acceptOverride('', admin)).message, /several/)
})

test.run()
