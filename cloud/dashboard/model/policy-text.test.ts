// A policy as text: there and back without a change, checked with the line of what is wrong, and sent as it began.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseDocuments } from '../../../shared/intent/yaml.ts'
import { createDrafts, type DraftShelf } from './drafts.ts'
import { checkPolicy, newPolicyText, policyText, textToSend, withCanary } from './policy-text.ts'

const [parsed] = parseDocuments(newPolicyText)
const held = {
  metadata: { name: 'allow-https-to-gateways', resourceVersion: '7' },
  spec: (parsed as { spec: object }).spec,
  status: {},
}

test('what is begun with is sound, and what the hub holds is read back as it is', () => {
  assert.is(checkPolicy(newPolicyText).error, undefined)
  const again = checkPolicy(policyText(held)).resource
  assert.equal(again?.kind === 'Policy' && again.spec, held.spec)
  assert.not.match(policyText(held), 'resourceVersion')
})

test('what is wrong is told with its field and line', () => {
  const { error } = checkPolicy(newPolicyText.replace('port: 443', 'port: 70000'))
  assert.equal([error?.code, error?.field, error?.line], ['invalid', 'spec.ingress[0].ports[0].port', 12])
  assert.ok(checkPolicy('').error)
  assert.match(
    checkPolicy(`${newPolicyText}---\n${newPolicyText.replace('name: allow', 'name: x-allow')}`).error?.message ?? '',
    'exactly one',
  )
  assert.is(checkPolicy(`# ${'x'.repeat(2_000_000)}`).error?.code, 'too-large')
  assert.ok(checkPolicy('a: [').error)
})

test('comments stay where it is sent, with the version that it began as, or over whatever is there', () => {
  const text = `# why\n${newPolicyText}`
  const sent = textToSend(text, '7')
  assert.match(sent, '# why')
  assert.is(parseDocuments(sent)[0]?.metadata.resourceVersion, '7')
  assert.is(parseDocuments(textToSend(sent, undefined))[0]?.metadata.resourceVersion, undefined)
  const both = parseDocuments(withCanary(sent, 'default', { percent: 10 }))
  assert.equal(
    both.map(({ kind }) => kind),
    ['Canary', 'Policy'],
  )
})

test('drafts outlive the page, and a shelf that is full or torn takes nothing away', () => {
  const kept = new Map<string, string>()
  const shelf: DraftShelf = {
    getItem: (key) => kept.get(key) ?? null,
    setItem(key, value) {
      if (value.length > 100) throw new RangeError('full')
      kept.set(key, value)
    },
    removeItem: (key) => void kept.delete(key),
  }
  createDrafts(shelf).put('p', { text: 'a', base: '7' })
  assert.equal(createDrafts(shelf).get('p'), { text: 'a', base: '7' })
  const large = createDrafts(shelf)
  large.put('p', { text: 'x'.repeat(500) })
  assert.is(large.get('p')?.text.length, 500)
  large.drop('p')
  assert.is(createDrafts(shelf).get('p'), undefined)
  kept.set('holdfast-draft/torn', '{"text":')
  assert.is(createDrafts(shelf).get('torn'), undefined)
})

test.run()
