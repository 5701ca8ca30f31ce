// What is told of a pod, from its object.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fakePod } from './cluster.fake.ts'
import { readPod } from './objects.ts'

test('what a pod calls itself below a headless service is told where both are said, as names can be', () => {
  const host = (spec: object) => readPod(fakePod('db-0', '10.42.1.21', { spec }))?.host
  assert.equal(host({ hostname: 'db-0', subdomain: 'db' }), { name: 'db-0', subdomain: 'db' })
  assert.is(host({ hostname: 'db-0' }), undefined)
  assert.is(host({ subdomain: 'db' }), undefined)
  assert.is(host({ hostname: 'db-0', subdomain: 'not a name' }), undefined)
  assert.is(host({ hostname: 'a.b', subdomain: 'db' }), undefined)
})

test.run()
