// What of the map is looked at: an address leads to it, and the hub is asked for just that.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { topologyLabelsMax } from '../../../shared/dashboard-limits.ts'
import { labelsOf, topologyQuery, viewOf } from './map-view.ts'

test('an address says what is looked at, whatever stands in a label', () => {
  const asked = 'by=site&within=&label=role%3Dplc%3D%3Cb%3E%26x&label=ring%3Dearly'
  const view = viewOf(new URLSearchParams(asked))
  assert.equal(view, { by: 'site', within: '', each: false, labels: ['role=plc=<b>&x', 'ring=early'] })
  assert.equal(viewOf(topologyQuery(view)), view)
  assert.is(topologyQuery(viewOf(new URLSearchParams('each=true'))).toString(), 'each=true')
})

test('what is no label, and more of them than the hub takes, are left out', () => {
  assert.equal(viewOf(new URLSearchParams('label=kiel&label=%3Dkiel')).labels, [])
  const many = new URLSearchParams(Array.from({ length: 90 }, (_, at) => ['label', `site=${at}`]))
  assert.is(viewOf(many).labels.length, topologyLabelsMax)
})

test('labels that many nodes share are offered first', () => {
  const items = [{ site: 'kiel', role: 'plc' }, { site: 'kiel' }, { site: 'jena' }].map((labels) => ({ labels }))
  assert.equal(labelsOf(items), ['site=kiel', 'role=plc', 'site=jena'])
})

test.run()
