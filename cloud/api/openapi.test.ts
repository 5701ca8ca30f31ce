// The OpenAPI document against the table it is made of, and against the shape that OpenAPI 3.1 gives such documents
// (https://spec.openapis.org/oas/v3.1.0).

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { parseWith } from '../../shared/intent/resource.ts'
import { parseDocuments } from '../../shared/intent/yaml.ts'
import { setup } from './api-world.fake.ts'
import { apiRoutes } from './app.ts'
import { openApiPath } from './openapi.ts'

const schema = v.record(v.string(), v.unknown())
const media = v.strictObject({ schema: v.optional(schema), example: v.optional(v.unknown()) })
const content = v.record(v.pipe(v.string(), v.regex(/^[a-z]+\/[a-z-]+$/)), media)
const operation = v.strictObject({
  operationId: v.pipe(v.string(), v.regex(/^[a-z][A-Za-z]+$/)),
  summary: v.pipe(v.string(), v.minLength(1)),
  description: v.pipe(v.string(), v.minLength(1)),
  parameters: v.array(
    v.variant('in', [
      v.strictObject({ name: v.string(), in: v.literal('path'), required: v.literal(true), schema }),
      v.strictObject({ name: v.string(), in: v.literal('query'), description: v.string(), schema }),
    ]),
  ),
  requestBody: v.optional(v.strictObject({ required: v.boolean(), content })),
  security: v.array(v.record(v.string(), v.array(v.string()))),
  responses: v.pipe(
    v.record(
      v.pipe(v.string(), v.regex(/^(?:[1-5](?:\d\d|XX)|default)$/)),
      v.strictObject({ description: v.pipe(v.string(), v.minLength(1)), content }),
    ),
    v.check((all) => Object.keys(all).length > 0, 'an operation has a response'),
  ),
})
const documentShape = v.strictObject({
  openapi: v.pipe(v.string(), v.regex(/^3\.1\.\d+$/)),
  info: v.strictObject({
    title: v.string(),
    version: v.string(),
    license: v.strictObject({ name: v.string(), identifier: v.string() }),
  }),
  paths: v.record(
    v.pipe(v.string(), v.regex(/^\//)),
    v.strictObject({
      get: v.optional(operation),
      put: v.optional(operation),
      post: v.optional(operation),
      delete: v.optional(operation),
    }),
  ),
  components: v.strictObject({
    securitySchemes: v.record(
      v.string(),
      v.variant('type', [
        v.strictObject({ type: v.literal('http'), scheme: v.literal('bearer') }),
        v.strictObject({ type: v.literal('apiKey'), in: v.picklist(['cookie', 'header']), name: v.string() }),
      ]),
    ),
    schemas: v.record(v.string(), schema),
  }),
})

async function served() {
  const { call } = setup()
  return v.parse(documentShape, await (await call('GET', '/api/v1/openapi.json', 'viewer')).json())
}

type Operation = v.InferOutput<typeof operation>

function operationsOf(document: Awaited<ReturnType<typeof served>>): [string, string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, one]): [string, string, Operation][] =>
      one === undefined ? [] : [[path, method, one]],
    ),
  )
}

test('it has the shape of OpenAPI 3.1, and every route of the table and no other', async () => {
  const document = await served()
  assert.equal(
    operationsOf(document)
      .map(([path, method]) => `${method} ${path}`)
      .sort(),
    apiRoutes.map(({ method, path }) => `${method.toLowerCase()} ${openApiPath(path)}`).sort(),
  )
  const ids = operationsOf(document).map(([, , one]) => one.operationId)
  assert.is(new Set(ids).size, ids.length, 'operation ids are unique')
})

test('parameters, bodies and roles are those of the table', async () => {
  const document = await served()
  for (const route of apiRoutes) {
    const path = openApiPath(route.path)
    const method = route.method.toLowerCase() as 'get' | 'put' | 'post' | 'delete'
    const one = document.paths[path]?.[method]
    if (one === undefined) throw new TypeError(path)
    const inPath = one.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
    assert.equal(
      inPath,
      [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
      path,
    )
    const inQuery = one.parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
    assert.equal(
      inQuery,
      (route.query ?? []).map(({ name }) => name),
      path,
    )
    assert.is(one.requestBody !== undefined, route.request !== undefined, path)
    // A browser sends its cookie with whatever it asks, so a write takes a word of the page as well.
    const browser = method === 'get' ? { session: [] } : { session: [], csrf: [] }
    assert.equal(one.security, route.role === 'public' ? [] : [{ bearer: [] }, browser], path)
    for (const requirement of one.security) {
      for (const scheme of Object.keys(requirement)) assert.ok(document.components.securitySchemes[scheme], scheme)
    }
  }
  assert.match(JSON.stringify(document.paths['/api/v1/policies/{name}']), /nodeSelector/)
})

const types = new Set(['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'])

/** What any reader of JSON Schema 2020-12 stumbles over: types that are none, patterns that do not compile, lost references. */
function checkSchema(value: unknown, document: object, at: string): void {
  if (typeof value !== 'object' || value === null) return
  const { $ref, pattern, properties, required, type } = value as Readonly<Record<string, unknown>>
  if (typeof type === 'string') assert.ok(types.has(type), `${at} has type ${type}`)
  if (typeof pattern === 'string') assert.ok(new RegExp(pattern, 'u'), at)
  if (Array.isArray(required) && typeof properties === 'object' && properties !== null) {
    for (const name of required) assert.ok(Object.hasOwn(properties, String(name)), `${at} requires ${String(name)}`)
  }
  if (typeof $ref === 'string') {
    const target = $ref
      .replace(/^#\//, '')
      .split('/')
      .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], document)
    assert.ok(target, `${at} refers to ${$ref}`)
  }
  for (const [key, inner] of Object.entries(value)) if (key !== 'example') checkSchema(inner, document, `${at}/${key}`)
}

test('its schemas are JSON Schema, and every reference leads somewhere', async () => {
  const document = await served()
  for (const [path, method, one] of operationsOf(document)) {
    const bodies = [one.requestBody?.content ?? {}, ...Object.values(one.responses).map((response) => response.content)]
    for (const body of bodies) {
      for (const { schema: found } of Object.values(body)) checkSchema(found, document, `${method} ${path}`)
    }
  }
  checkSchema(document.components.schemas, document, 'components')
})

/** What a device or a person proves, and a command to a device that is there, hold for one moment and one hub. */
function isOfTheMoment(path: string): boolean {
  return path.startsWith('/api/v1/enrol') || path === '/api/v1/session' || path.endsWith('/commands')
}

test('its examples are taken as they stand', async () => {
  let shown = 0
  for (const { example, path, request } of apiRoutes) {
    if (request === undefined || isOfTheMoment(path)) continue
    shown += 1
    if (request === 'resources') assert.ok(parseDocuments(String(example)).length > 4)
    else parseWith(request, example)
  }
  assert.ok(shown > 7, String(shown))
})

test.run()
