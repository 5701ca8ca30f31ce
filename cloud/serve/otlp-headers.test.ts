// Headers for the collector: read as they stand, and never told.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { readOtlpHeaders } from './otlp-headers.ts'

const directory = mkdtempSync(join(tmpdir(), 'hf-otlp-'))
const path = join(directory, 'headers')
test.after(() => rmSync(directory, { recursive: true }))

function read(text: string): Readonly<Record<string, string>> {
  writeFileSync(path, text)
  return readOtlpHeaders(path)
}

test('one a line; empty lines and comments are passed over', () => {
  assert.equal(read('# of the collector\nauthorization: Bearer a:b=\r\n\nX-Scope-OrgID:plant\n'), {
    authorization: 'Bearer a:b=',
    'X-Scope-OrgID': 'plant',
  })
  assert.equal(read(''), {})
})

test('what is no header is refused by its line, and nothing of it is told', () => {
  for (const text of ['good: 1\ns3cret', 'good: 1\ns3 cret: x', 'good: 1\nname: s3cret\u0007', 'good: 1\n: s3cret']) {
    try {
      read(text)
      assert.unreachable(text)
    } catch (error) {
      assert.ok(isHoldfastError(error, 'invalid'), String(error))
      assert.match(String(error), /line 2/)
      assert.not.match(String(error), /s3/)
    }
  }
})

test('a file that is not there, and one that is none of ours', () => {
  assert.throws(
    () => readOtlpHeaders(join(directory, 'none')),
    (error: unknown) => isHoldfastError(error, 'not-found'),
  )
  assert.throws(
    () => read('a: '.padEnd(20_000, 'x')),
    (error: unknown) => isHoldfastError(error, 'too-large'),
  )
})

test.run()
