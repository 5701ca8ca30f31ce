// The raw manifests without Helm: they are of these charts, of this version, and say no more than the roles that people read.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAllDocuments } from 'yaml'
import { definitionsText, UNBUILT } from './charts.ts'
import { makeKubernetes } from './make.ts'

interface Thing {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly rules?: readonly unknown[]
}

const roles = resolve(import.meta.dirname, '../../examples/kubernetes')

function read(path: string): readonly Thing[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((one) => one.toJS() as Thing)
}

const [one, other] = [mkdtempSync(join(tmpdir(), 'hf-kube-')), mkdtempSync(join(tmpdir(), 'hf-kube-'))]
const definitions = definitionsText()
for (const into of [one, other]) makeKubernetes({ into, version: '1.2.3+abc', definitions, mtimeS: 1_700_000_000 })
test.after(() => {
  for (const into of [one, other]) rmSync(into, { recursive: true, force: true })
})

test('the same sources are the same bytes, and have their version in them', () => {
  const names = readdirSync(one)
  assert.equal(names, readdirSync(other))
  for (const name of names) {
    const bytes = readFileSync(join(one, name))
    assert.equal(bytes, readFileSync(join(other, name)), name)
    assert.not.ok(bytes.includes(UNBUILT), name)
  }
  assert.ok(names.includes('holdfast-hub-1.2.3+abc.tgz') && names.includes('holdfast-agent-k3s.yaml'))
  // Neither tags nor labels have a `+`.
  assert.match(readFileSync(join(one, 'holdfast-hub.yaml'), 'utf8'), 'image: holdfast-hub:1.2.3-abc\n')
})

test('rights are those of the roles that people read: `node scripts/kubernetes/render.ts` after a change of them', () => {
  for (const name of ['hub', 'agent', 'cluster']) {
    const rendered = read(join(one, `holdfast-${name}.yaml`))
    const wanted = readdirSync(roles).includes(`${name}-role.yaml`) ? read(join(roles, `${name}-role.yaml`)) : []
    for (const kind of ['ClusterRole', 'Role']) {
      const rules = (things: readonly Thing[]) => things.find((thing) => thing.kind === kind)?.rules
      assert.equal(rules(rendered), rules(wanted), `${kind} of ${name}`)
    }
  }
})

test.run()
