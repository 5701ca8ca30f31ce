// The bill of materials: its shape as CycloneDX 1.6 asks, its order, and that the licences are all there.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as v from 'valibot'
import { byName, type Component } from './component.ts'
import { cLibrary, nodeComponents } from './platform.ts'
import { licencesText, sbomOf } from './sbom.ts'

const MIT = 'Permission is hereby granted'
const of = (name: string, extra: Partial<Component> = {}): Component => ({
  name,
  version: '1.0.0',
  purl: `pkg:npm/${name}@1.0.0`,
  licence: 'MIT',
  text: MIT,
  ...extra,
})
const [first, second] = [of('first'), of('second', { licence: 'MIT OR Apache-2.0' })]
const inner = of('inner', { licence: undefined, text: '', within: first.purl })
const programs = [
  { name: 'holdfast', components: [second, first, inner] },
  { name: 'holdfast-hub', components: [first, inner] },
]
const options = { version: '1.2.3+abc', createdAt: '2026-11-22T10:00:00Z', programs }

/** Of the schema at cyclonedx.org, what is used here: it allows no other fields. */
const licences = v.pipe(
  v.array(
    v.union([
      v.strictObject({ license: v.strictObject({ id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9.+-]+$/)) }) }),
      v.strictObject({ expression: v.string() }),
    ]),
  ),
  v.length(1),
)
const component = v.strictObject({
  type: v.picklist(['application', 'library']),
  'bom-ref': v.pipe(v.string(), v.minLength(1)),
  name: v.pipe(v.string(), v.minLength(1)),
  version: v.pipe(v.string(), v.minLength(1), v.maxLength(1_024)),
  purl: v.pipe(v.string(), v.regex(/^pkg:[a-z]+\/[^@\s]+@[^\s@]+$/)),
  licenses: v.optional(licences),
})
const bom = v.strictObject({
  $schema: v.literal('http://cyclonedx.org/schema/bom-1.6.schema.json'),
  bomFormat: v.literal('CycloneDX'),
  specVersion: v.literal('1.6'),
  serialNumber: v.pipe(v.string(), v.regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  metadata: v.strictObject({ timestamp: v.pipe(v.string(), v.isoTimestamp()), component }),
  components: v.array(component),
  dependencies: v.array(v.strictObject({ ref: v.string(), dependsOn: v.array(v.string()) })),
})

test('it has the shape of the format, each component once, and every reference leads to one', () => {
  const found = v.parse(bom, JSON.parse(sbomOf(options)))
  const refs = [found.metadata.component, ...found.components].map((one) => one['bom-ref'])
  assert.is(new Set(refs).size, refs.length)
  assert.equal(
    found.components.map(({ name }) => name),
    ['holdfast', 'holdfast-hub', 'first', 'inner', 'second'],
  )
  assert.equal(
    found.dependencies.map(({ ref }) => ref),
    refs,
  )
  for (const { dependsOn } of found.dependencies) for (const one of dependsOn) assert.ok(refs.includes(one), one)
  const below = found.dependencies.find(({ ref }) => ref === first.purl)
  assert.equal(below?.dependsOn, [inner.purl])
  assert.not(found.dependencies[1]?.dependsOn.includes(inner.purl), 'a part is a part of its whole')
})

test('what it is made of decides what it says, and nothing else', () => {
  assert.is(sbomOf(options), sbomOf({ ...options, programs: [...programs] }))
  assert.is.not(sbomOf(options), sbomOf({ ...options, version: '1.2.4' }))
})

test('Node and the C library say who they are', () => {
  const found = [...nodeComponents('its licence'), cLibrary()].sort(byName)
  v.parse(bom, JSON.parse(sbomOf({ ...options, programs: [{ name: 'holdfast', components: found }] })))
  assert.ok(found.some(({ name, version }) => name === 'node' && version === process.versions.node))
  assert.ok(found.some(({ name, version }) => name === 'openssl' && version === process.versions.openssl))
  assert.match(found.find(({ name }) => name === 'glibc')?.version ?? '', /^\d+\.\d+/)
})

test('a licence that several share stands once, under all their names', () => {
  const text = licencesText([first, second, inner, of('third', { text: 'Other words' })])
  assert.is(text.split(MIT).length, 2)
  assert.match(text, 'first 1.0.0\nsecond 1.0.0\n')
  assert.match(text, 'Other words')
  assert.not.match(text, 'inner')
})

test.run()
