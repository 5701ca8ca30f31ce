// Checking what a change concerns gives the verdict of checking everything.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { checkConsistency } from '../../shared/intent/consistency.ts'
import type { AnyResource } from '../../shared/intent/resource.ts'
import { emptyPolicy, resource } from '../hub-world.fake.ts'
import { concerned } from './concerned.ts'
import { holdIntent } from './held.ts'

const name = fc.constantFrom('a', 'b', 'c')
const block = fc.constantFrom('10.0.0.0/24', '10.0.1.0/24', '10.0.0.0/16', '192.168.1.0/24', '192.168.2.0/24')
const networkName = fc.constantFrom('a', 'b')

function attempt(make: () => AnyResource): AnyResource | undefined {
  try {
    return make()
  } catch (error) {
    if (isHoldfastError(error)) return undefined
    throw error
  }
}

const some: fc.Arbitrary<AnyResource | undefined> = fc.oneof(
  fc.tuple(networkName, block).map(([n, cidr]) => attempt(() => resource('Network', n, { cidr }))),
  fc
    .tuple(name, networkName, fc.constantFrom([], ['10.0.0.5'], ['10.0.1.5']), fc.array(block, { maxLength: 1 }))
    .map(([n, network, addresses, advertise]) => attempt(() => resource('Node', n, { network, addresses, advertise }))),
  fc.tuple(name, networkName).map(([n, network]) => attempt(() => resource('Policy', n, { ...emptyPolicy, network }))),
  fc.tuple(name, networkName, block, fc.option(block, { nil: undefined })).map(([n, network, destination, mapTo]) =>
    attempt(() => {
      const nat = mapTo === undefined ? { nat: 'none' } : { nat: 'netmap', mapTo }
      return resource('Route', n, { network, destination, via: {}, ...nat })
    }),
  ),
)

const step = fc.record({ changed: some, remove: fc.boolean() })

test('over any history, the small check and the full check agree', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
      const held = holdIntent([])
      for (const { changed, remove } of steps) {
        if (changed === undefined) continue
        const { kind, metadata } = changed
        const before = held.get(kind, metadata.name)
        if (remove && before === undefined) continue
        // A resource never moves to another network; that is refused before.
        const from = before?.resource.spec as { network?: string } | undefined
        if (!remove && from?.network !== undefined && from.network !== (changed.spec as { network?: string }).network)
          continue
        const next = new Map<string, AnyResource>(
          (['Network', 'Node', 'Policy', 'Route'] as const).flatMap((k) =>
            held.list(k).map((stored) => [`${k}/${stored.resource.metadata.name}`, stored.resource] as const),
          ),
        )
        if (remove) next.delete(`${kind}/${metadata.name}`)
        else next.set(`${kind}/${metadata.name}`, changed)
        const full = checkConsistency([...next.values()])
        const small = checkConsistency(
          remove ? concerned([], before === undefined ? [] : [before.resource], held) : concerned([changed], [], held),
        )
        assert.is(small.length > 0, full.length > 0, `${full[0]?.message} / ${small[0]?.message}`)
        if (full.length > 0) {
          refused += 1
          continue
        }
        if (remove) held.delete(kind, metadata.name)
        else held.put({ resource: changed, uid: '', generation: 1, resourceVersion: '', createdAt: 0 })
      }
    }),
    { numRuns: 300, seed: 3 },
  )
  assert.ok(refused > 50, 'the histories must meet contradictions')
})

test('a policy change looks at the networks and nothing else, whatever there is', () => {
  const held = holdIntent([])
  const put = (one: AnyResource): void =>
    held.put({ resource: one, uid: '', generation: 1, resourceVersion: '', createdAt: 0 })
  put(resource('Network', 'default', { cidr: '10.0.0.0/16' }))
  for (let i = 0; i < 500; i++) put(resource('Node', `n${i}`))
  assert.is(concerned([resource('Policy', 'p', emptyPolicy)], [], held).length, 2)
})

test.run()
