// The definitions as text: what people read of them, and what API servers insist on.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { faultOf } from '../../shared/fuzz.fake.ts'
import { appliedKinds } from '../../shared/intent/resource.ts'
import { customResourceDefinitions } from './definitions.ts'
import { type Json, structuralSchema } from './structural.ts'

interface Field {
  readonly path: string
  readonly schema: Json
}

/** Every field below `schema`, however deep. */
function fieldsOf(schema: Json, path: string): readonly Field[] {
  const inside = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Json>>)
  const items = schema['items'] as Json | undefined
  const own = inside.map(([name, field]) => ({ path: `${path}.${name}`, schema: field }))
  return [
    ...own,
    ...own.flatMap((field) => fieldsOf(field.schema, field.path)),
    ...(items === undefined ? [] : fieldsOf(items, `${path}[]`)),
  ]
}

interface Definition {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly names: { readonly kind: string }
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Json } }[]
  }
}

const definitions = customResourceDefinitions() as unknown as readonly Definition[]
const schemaOf = ({ spec }: Definition): Json => spec.versions[0]?.schema.openAPIV3Schema ?? {}

test('there is one of each kind that people apply', () => {
  assert.equal(
    definitions.map(({ spec }) => spec.names.kind),
    [...appliedKinds],
  )
})

for (const definition of definitions) {
  const { kind } = definition.spec.names
  const properties = schemaOf(definition)['properties'] as Readonly<Record<string, Json>>
  test(`${kind} explains each of its fields`, () => {
    const fields = [...fieldsOf(properties['spec'] ?? {}, 'spec'), ...fieldsOf(properties['status'] ?? {}, 'status')]
    assert.ok(fields.length > 10)
    const silent = fields.filter(({ schema }) => typeof schema['description'] !== 'string')
    assert.equal(
      silent.map(({ path }) => path),
      [],
    )
  })
}

test('bounds of numbers, texts, lists and maps, defaults, and rules come along', () => {
  const schema = v.pipe(
    v.strictObject({
      port: v.optional(v.pipe(v.number(), v.integer(), v.maxValue(9)), 7),
      names: v.pipe(v.array(v.string()), v.maxLength(3)),
    }),
    v.description('A thing.'),
  )
  assert.equal(structuralSchema(schema), {
    type: 'object',
    required: ['names'],
    properties: {
      port: { type: 'integer', maximum: 9, default: 7 },
      names: { type: 'array', items: { type: 'string' }, maxItems: 3 },
    },
    description: 'A thing.',
  })
})

test('a list without a bound, and whatever has no counterpart, is refused when the definitions are made', () => {
  assert.is(faultOf(() => structuralSchema(v.array(v.string()))).code, 'unsupported')
  assert.is(faultOf(() => structuralSchema(v.date())).code, 'unsupported')
})

test.run()
