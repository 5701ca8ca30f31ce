// What is kept of a list that is too long.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fairShare } from './fair-share.ts'

const first = (text: string): string => text.slice(0, 1)

test('a group of many leaves room for the others, and the order stays', () => {
  const list = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'c2']
  assert.equal(fairShare(list, first, 7), list)
  assert.equal(fairShare(list, first, 5), ['a1', 'a2', 'b1', 'c1', 'c2'])
  assert.equal(fairShare(list, first, 4), ['a1', 'a2', 'b1', 'c1'])
  assert.equal(fairShare(list, first, 2), ['a1', 'b1'])
  assert.equal(fairShare(list, first, 0), [])
})

test('what stands twice counts twice', () => {
  assert.equal(fairShare(['a', 'a', 'a', 'b'], first, 3), ['a', 'a', 'b'])
})

test.run()
