// The OpenAPI document against the table it is made of.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { setup } from './api-world.fake.ts'
import { apiRoutes } from './app.ts'
import { openApiPath } from './openapi.ts'

test('the OpenAPI document has every route, with its parameters, body and role', async () => {
  const { call } = setup()
  const document = (await (await call('GET', '/api/v1/openapi.json', 'viewer')).json()) as {
    openapi: string
    paths: Record<
      string,
      Record<string, { security: unknown[]; parameters: { name: string }[]; requestBody?: unknown }>
    >
  }
  assert.is(document.openapi, '3.1.0')
  let operations = 0
  for (const route of apiRoutes) {
    const operation = document.paths[openApiPath(route.path)]?.[route.method.toLowerCase()]
    assert.ok(operation, `${route.method} ${route.path}`)
    operations += 1
    assert.is(operation?.security.length, route.role === 'public' ? 0 : 1, route.path)
    for (const [, parameter] of route.path.matchAll(/:(\w+)/g)) {
      assert.ok(
        operation?.parameters.some(({ name }) => name === parameter),
        `${route.path} ${parameter}`,
      )
    }
    if (route.request !== undefined) assert.ok(operation?.requestBody, route.path)
  }
  const listed = Object.values(document.paths).flatMap((methods) => Object.keys(methods)).length
  assert.is(listed, operations)
  const policy = JSON.stringify(document.paths['/api/v1/policies/{name}'])
  assert.match(policy, /nodeSelector/)
})

test.run()
