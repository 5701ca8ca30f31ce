// The definitions at a real API server: it takes what the hub takes, and refuses what the hub refuses, at the same field.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { customResourceDefinitions } from '../../cloud/kubernetes/definitions.ts'
import { apiVersion, appliedKinds, type Kind, plural } from '../../shared/intent/resource.ts'
import { least, resource, wrong } from '../../shared/intent/resource-cases.fake.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { whyNoApiServer } from './api-server-program.ts'

const examples = join(import.meta.dirname, '../../examples')
const PATIENCE_MS = 30_000

/** Where a rule might be asked too often for an API server, or is about our own memory: there the hub alone judges. */
const hubAlone = new Set([
  'Policy spec.ingress[0].from[0]',
  'Policy spec.egress[0].ports[0]',
  'Node spec.labels.prototype',
])

interface Failure {
  readonly message?: string
  readonly details?: { readonly causes?: readonly { readonly field?: string; readonly message?: string }[] }
}

function path(kind: Kind): string {
  return `/apis/${apiVersion}/${plural[kind]}`
}

async function define(api: ApiServer): Promise<void> {
  for (const definition of customResourceDefinitions()) {
    const { status, body } = await api.ask(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      definition,
    )
    assert.is(status, 201, JSON.stringify(body))
  }
  for (let waitedMs = 0; ; waitedMs += 100) {
    const all = await Promise.all(appliedKinds.map((kind) => api.ask('GET', path(kind))))
    if (all.every(({ status }) => status === 200)) return
    assert.ok(waitedMs < PATIENCE_MS, 'the kinds are served')
    await sleep(100)
  }
}

/** As people's tools ask: unknown fields are refused, nothing is kept. */
function attempt(api: ApiServer, kind: Kind, object: unknown) {
  return api.ask('POST', `${path(kind)}?dryRun=All&fieldValidation=Strict`, object)
}

const why = whyNoApiServer()
if (why === undefined) {
  const api = await startApiServer()
  const kubectl = (...words: readonly string[]): string =>
    execFileSync('kubectl', ['--kubeconfig', api.kubeconfig, ...words], { encoding: 'utf8' })

  test.after(() => api.stop())
  test('every definition is taken and served', () => define(api))

  for (const kind of appliedKinds) {
    test(`the least ${kind} is taken`, async () => {
      const { status, body } = await attempt(api, kind, resource(kind, least[kind]))
      assert.is(status, 201, JSON.stringify(body))
    })
    test(`${kind} refuses what it does not know`, async () => {
      const { status, body } = await attempt(api, kind, resource(kind, { ...least[kind], colour: 1 }))
      assert.is(status, 400)
      assert.match((body as Failure).message ?? '', /unknown field "spec\.colour"/)
    })
    test(`${kind} refuses a name that the hub could not use`, async () => {
      assert.is((await attempt(api, kind, resource(kind, least[kind], { name: 'a.b' }))).status, 422)
    })
  }

  for (const [kind, spec, field] of wrong) {
    if (kind === 'JoinToken') continue
    test(`${kind} ${JSON.stringify(spec).slice(0, 90)}`, async () => {
      const { status, body } = await attempt(api, kind, resource(kind, spec))
      if (hubAlone.has(`${kind} ${field}`)) return assert.is(status, 201, 'the hub alone judges')
      const { details, message = '' } = body as Failure
      const told = details?.causes?.map((cause) => cause.field ?? '') ?? [
        /unknown field "([^"]+)"/.exec(message)?.[1] ?? '',
      ]
      assert.ok(status === 422 || status === 400, `${status}: ${message}`)
      // A key of a map is no field of its own there.
      assert.ok(told.includes(field) || told.some((one) => field.startsWith(`${one}.`)), `${field}: ${told.join()}`)
    })
  }

  test('what people apply to the hub, kubectl applies, and shows and explains it', () => {
    assert.match(kubectl('apply', '-f', examples), /network\.holdfast\.dev\/default created/)
    assert.match(kubectl('get', 'hfnet'), /NAME +CIDR +READY +PROGRAMMED +AGE\ndefault +100\.80\.0\.0\/16/)
    assert.match(kubectl('get', 'holdfast'), /policy\.holdfast\.dev\/ping/)
    assert.match(kubectl('explain', 'routes.spec.nat', '--api-version', apiVersion), /What the router does to sources/)
  })

  test.run()
} else process.stdout.write(`skip: ${why}\n`)
