// A Node with less of ICU in it: it runs, whatever language it is asked for, and what is not ICU's data is untouched.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { trimIcu } from './icu.ts'

const ASK = `
  const words = [
    (1234.5).toLocaleString('en-US'), (1234.5).toLocaleString('de-DE'), new Intl.NumberFormat('ar').format(12),
    new Date(0).toLocaleDateString('ja-JP', { timeZone: 'UTC' }), new Date(0).toLocaleString(undefined, { timeZone: 'Europe/Berlin' }),
    ['b', 'a', 'ä'].sort(new Intl.Collator('sv').compare).join(''), 'ä'.normalize('NFD').length, 'İ'.toLocaleLowerCase('tr').length,
    [...new Intl.Segmenter('th', { granularity: 'word' }).segment('a b')].length, new Intl.PluralRules('pl').select(2),
    /^\\p{L}+$/u.test('äß字'), new URL('http://bücher.example').hostname, new TextDecoder('gbk').decode(new Uint8Array([0xc4, 0xe3])),
  ]
  process.stdout.write(JSON.stringify(words))
`

test('it answers in English forms where it has no others, and never fails', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hf-icu-'))
  try {
    const [program, before] = [join(directory, 'node'), readFileSync(process.execPath)]
    const made = trimIcu(before)
    assert.is(made.length, before.length)
    writeFileSync(program, made, { mode: 0o755 })
    for (const language of ['C', 'de_DE.UTF-8', 'zh_TW', 'C.UTF-8']) {
      const env = { ...process.env, LANG: language, LC_ALL: language }
      const said = JSON.parse(execFileSync(program, ['-e', ASK], { encoding: 'utf8', env })) as readonly unknown[]
      assert.equal(said.slice(0, 3), ['1,234.5', '1,234.5', '12'], language)
      assert.equal(said.slice(6, 7), [2], language)
      assert.equal(said.slice(10), [true, 'xn--bcher-kva.example', '你'], language)
    }
    let zeros = 0
    for (const [i, byte] of made.entries()) if (byte === 0 && before[i] !== 0) zeros++
    assert.ok(zeros > 10 << 20, `${zeros} bytes are gone`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})

test('a program without such data is refused', () => {
  assert.throws(
    () => trimIcu(Buffer.from('CmnD, but no more')),
    (error: unknown) => isHoldfastError(error, 'unsupported'),
  )
})

test.run()
