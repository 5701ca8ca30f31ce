// Each house rule catches its bad example and lets the good one pass.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkBanned } from './tidy/banned.ts'
import { checkExports } from './tidy/exports.ts'
import { checkCycles, checkImports } from './tidy/imports.ts'
import { checkShape, checkWords } from './tidy/shape.ts'
import { parseSource } from './tidy/source.ts'

const found = (findings: readonly { readonly line: number; readonly message: string }[]): string[] =>
  findings.map(({ line, message }) => `${line} ${message.split(':')[0]}`)
const banned = (path: string, text: string): string[] => found(checkBanned(parseSource(path, text)))
const imports = (path: string, text: string): string[] => found(checkImports(parseSource(path, text)))

test('a file needs a header and an end in sight', () => {
  const shape = (text: string): string[] => found(checkShape(parseSource('edge/x.ts', text)))
  assert.equal(shape('// What it is.\nexport const a = 1\n'), [])
  assert.equal(shape('#!/usr/bin/env node\n// What it is.\n'), [])
  assert.equal(shape('const a = 1\n'), ['1 file does not begin with a comment that says what it is'])
  assert.equal(shape(`// Long.\n${'\n'.repeat(300)}`), ['1 file has 301 lines, at most 300'])
})

test('a function has an end in sight; functions inside a factory are judged for themselves', () => {
  const body = '  go()\n'.repeat(60)
  const shape = (text: string): string[] => found(checkShape(parseSource('edge/x.ts', `// X.\n${text}`)))
  assert.equal(shape(`function long() {\n${body}}\n`), ['2 function has 62 lines of its own, at most 60'])
  const half = `  function inner() {\n${'    go()\n'.repeat(40)}  }\n`
  assert.equal(shape(`function factory() {\n${half}${half}}\n`), [])
})

test('what is left undone or means nothing elsewhere is found in any text', () => {
  // Written in parts, so that this file does not break the rules it proves.
  const [undone, foreign] = ['TO-DO', '/wo-rk/main'].map((word) => word.replace('-', ''))
  assert.equal(found(checkWords('README.md', `a\n${undone}: b`)), [`2 ${undone}`])
  assert.equal(found(checkWords('scripts/x', `cd ${foreign}`)), [`1 ${foreign}`])
  assert.equal(found(checkWords('x.ts', `// ${'a'.repeat(130)}\n`)), ['1 comment has 133 characters, at most 130'])
  assert.equal(found(checkWords('README.md', 'mktemp XXXXXX\n')), [])
})

test('time and randomness come from outside', () => {
  assert.equal(banned('edge/x.ts', '//\nDate.now()\n'), ['2 Date.now'])
  assert.equal(banned('edge/x.test.ts', '//\nMath.random()\n'), ['2 Math.random'])
  assert.equal(banned('edge/x.ts', '//\nnew Date()\nnew Date(0)\n'), ['2 new Date()'])
  assert.equal(banned('cloud/x.ts', '//\nsetTimeout(f, 1)\n'), ['2 setTimeout'])
  assert.equal(banned('scripts/x.ts', '//\nsetTimeout(f, 1)\n'), [])
  assert.equal(banned('shared/host/clock.ts', '//\nDate.now(); Math.random()\n'), [])
})

test('no shell, no printing past the log, no end from inside, no plain error', () => {
  assert.equal(banned('edge/x.ts', "//\nimport { exec, spawn } from 'node:child_process'\n"), ['2 exec'])
  assert.equal(banned('edge/x.ts', "//\nspawn('a', [], { shell: true })\n"), ['2 shell'])
  assert.equal(banned('edge/x.ts', '//\nconsole.log(1)\n'), ['2 console.log'])
  assert.equal(banned('edge/x.ts', '//\nprocess.exit(1)\n'), ['2 process.exit'])
  assert.equal(banned('edge/main.ts', '//\nprocess.exit(1)\n'), [])
  assert.equal(banned('edge/x.ts', "//\nthrow new Error('x')\n"), ['2 new Error'])
  assert.equal(banned('shared/x.ts', '//\nBuffer.from([])\n'), ['2 Buffer.from'])
})

test('the type checker is not talked out of its job', () => {
  assert.equal(banned('edge/x.ts', '//\nconst a = b as any\n'), ['2 any'])
  assert.equal(banned('edge/x.ts', '//\nconst a = b!.c\n'), ['2 non-null assertion'])
  assert.equal(banned('edge/x.ts', "//\nconst any = 'any!' as const\n"), [])
})

test('the directions of imports hold', () => {
  const from = (path: string, target: string): string[] => imports(path, `//\nimport { a } from '${target}'\n`)
  assert.equal(from('shared/x.ts', 'node:fs'), ['2 node'])
  assert.equal(from('shared/host/x.ts', 'node:fs'), [])
  assert.equal(from('shared/x.ts', './host/x.ts'), ['2 shared/host/x.ts'])
  assert.equal(from('shared/x.ts', '../edge/x.ts'), ['2 shared must not import edge/x.ts'])
  assert.equal(from('edge/x.ts', '../cloud/x.ts'), ['2 edge must not import cloud/x.ts'])
  assert.equal(from('cloud/x.ts', '../edge/x.ts'), ['2 cloud must not import edge/x.ts'])
  assert.equal(from('scripts/x.ts', '../edge/x.ts'), [])
  assert.equal(from('edge/plan/x.ts', '../store/x.ts'), ['2 edge/store/x.ts'])
  assert.equal(from('edge/plan/x.ts', '../../shared/host/x.ts'), ['2 shared/host/x.ts'])
  assert.equal(from('edge/plan/x.ts', '../../shared/ids.ts'), [])
  assert.equal(from('edge/agent/x.ts', '../drivers/wg.ts'), ['2 edge/drivers/wg.ts'])
  assert.equal(from('edge/main.ts', './drivers/wg.ts'), [])
  assert.equal(from('edge/x.ts', './y.fake.ts'), ['2 edge/y.fake.ts'])
  assert.equal(imports('edge/x.ts', "//\nimport type { A } from './drivers/wg.ts'\n"), [])
})

test('no default exports, no barrels', () => {
  assert.equal(imports('edge/x.ts', '//\nexport default 1\n'), ['2 default export'])
  assert.equal(imports('edge/index.ts', '//\n'), ['1 barrel'])
  assert.equal(imports('edge/x.ts', "//\nexport * from './y.ts'\n"), ['1 barrel'])
})

test('rings of imports are found, whatever their length', () => {
  const ring = ['a', 'b', 'c'].map((name, i, all) =>
    parseSource(`edge/${name}.ts`, `//\nimport type { x } from './${all[(i + 1) % 3]}.ts'\n`),
  )
  assert.is(checkCycles(ring)[0]?.message, 'import cycle: edge/a.ts → edge/b.ts → edge/c.ts → edge/a.ts')
  assert.equal(checkCycles(ring.slice(0, 2)), [])
})

test('an export needs somebody who imports it', () => {
  const lib = parseSource(
    'edge/lib.ts',
    [
      '//',
      'export const used = 1',
      'export const dead = 2',
      'export const tested = 3',
      '/** For tests. @testonly */',
      'export const marked = 4',
      'export const inner = 5; inner',
      'export interface Said {}',
      'export function says(): Said { return inner }',
      'export type Silent = 1',
    ].join('\n'),
  )
  const code = parseSource('edge/code.ts', "//\nimport { used, says } from './lib.ts'\n")
  const tests = parseSource('edge/lib.test.ts', "//\nimport { tested, marked, inner } from './lib.ts'\n")
  const names = checkExports([lib, code, tests]).map(({ line, message }) => `${line} ${message.split(' ')[1]}`)
  assert.equal(names, ['3 dead', '4 tested', '10 Silent'])
  const all = parseSource('edge/all.ts', "//\nimport * as lib from './lib.ts'\n")
  assert.equal(checkExports([lib, all]), [])
})

test.run()
