// Random input to the whole hub over real HTTPS: nothing that anybody sends makes it fail, or keep what it cannot sign.

import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { apiVersion } from '../../shared/intent/resource.ts'
import { createAttacker } from './attacker.fake.ts'

const fuzz = suite('random input to the API')
const world = createAttacker('hf-fuzz-')
const { call, json, routes } = world

fuzz.before(() => world.start())
fuzz.after(() => world.end())

/** Words that get further than noise does. */
const word = fc.oneof(
  fc.constantFrom('', 'x', 'default', '__proto__', 'constructor', '10.7.0.0/16', '0.0.0.0/0', '::/0', 'fd00::1', '-1'),
  fc.string({ maxLength: 12 }),
)
const leaf = fc.oneof(word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null))
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(word, tie('any'), { maxKeys: 3 }),
  ),
})).any
const fields =
  `network labels addresses advertise disabled relay publicEndpoint cidr cidr6 mtu subject ingress egress priority
  action destination via nat mapTo metric probe ports backends ttl uses autoApprove tier mode percent nodes finishAfterS
  whenLost resolvers`.split(/\s+/)
const spec = fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 5 })
const sound = {
  Network: { cidr: '10.9.0.0/16' },
  Canary: { percent: 10 },
  Node: {},
  Policy: { subject: { nodeSelector: {} } },
  Route: { destination: '192.168.9.0/24', via: {}, nat: 'masquerade' },
  Exit: { nodes: {}, via: { matchLabels: { role: 'exit' } }, resolvers: ['9.9.9.9'] },
  Service: { ports: [{ port: 80 }], backends: {} },
} as const
/** One wrong or right thing in what is sound otherwise. */
const nearly = fc
  .tuple(
    fc.constantFrom('Network', 'Canary', 'Node', 'Policy', 'Route', 'Exit', 'Service'),
    fc.constantFrom('a', 'b', 'x'),
    spec,
  )
  .map(([kind, name, more]) => {
    const changed = Object.entries(more).slice(0, 1)
    return { apiVersion, kind, metadata: { name }, spec: { ...sound[kind], ...Object.fromEntries(changed) } }
  })
const resource = fc.record({
  apiVersion: fc.constant(apiVersion),
  kind: fc.constantFrom('Network', 'Canary', 'Node', 'Policy', 'Route', 'Exit', 'Service', 'JoinToken', 'Pod'),
  metadata: fc.oneof(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'x') }), value),
  spec: fc.oneof(spec, value),
})

fuzz('random JSON on every writing route: a clear refusal or a sound change, never a failure', async () => {
  const writing = (await routes()).filter(
    // Another one's tokens and devices would be refused for their ids alone.
    ({ method, path }) => (method === 'PUT' || method === 'POST') && !path.startsWith('/api/v1/enrol'),
  )
  assert.ok(writing.length >= 8)
  let taken = 0
  const body = fc.oneof(
    value,
    resource,
    spec,
    nearly,
    nearly,
    fc.record({ name: word, role: word, ttl: word }, { requiredKeys: [] }),
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...writing), body, async ({ method, path }, input) => {
      const answer = await call(method, path, world.admin(), JSON.stringify(input))
      assert.ok(answer.status < 500, `${answer.status} ${answer.text}`)
      if (answer.status < 300) {
        taken += 1
        return
      }
      const error = JSON.parse(answer.text) as { code: string; message: string }
      assert.ok(error.code !== '' && error.message !== '', answer.text)
    }),
    { numRuns: 1_800, seed: 6 },
  )
  assert.ok(taken > 10, `${taken} bodies were taken: the input is not only noise`)
  // Whatever was taken is signed by a stop, and comes back: a start compiles all of it again and finds nothing to change.
  const rollOut = async (): Promise<unknown> => {
    await world.restart()
    return json('GET', '/api/v1/rollout', world.admin())
  }
  assert.equal(await rollOut(), await rollOut())
  assert.is((await call('GET', '/readyz')).status, 200)
  assert.equal(
    world.lines.filter(({ level }) => level === 'error'),
    [],
  )
})

fuzz.run()
