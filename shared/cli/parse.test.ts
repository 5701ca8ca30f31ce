// Command lines as people type them, against a small program.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../errors.ts'
import type { ProgramSpec } from './command.ts'
import { renderMan } from './help.ts'
import { listFlag, parseArgv, switchFlag, textFlag } from './parse.ts'

const program: ProgramSpec = {
  name: 'kelp',
  summary: 'grows',
  environment: 'KELP_',
  flags: [{ name: 'state', value: 'DIR', summary: 'Where' }],
  commands: [
    {
      name: 'grow',
      summary: 'Grow',
      args: [{ name: 'ROCK', summary: 'Which rock', required: true }],
      flags: [
        { name: 'json', summary: 'Print JSON' },
        { name: 'label', short: 'l', value: 'K=V', repeat: true, summary: 'Label' },
        { name: 'form', value: 'FORM', summary: 'Form', default: 'leaf', choices: ['leaf', 'stem'] },
      ],
    },
    { name: 'token list', summary: 'List' },
    { name: 'version', summary: 'Version' },
  ],
}

function parse(words: string, env: Record<string, string> = {}) {
  const parsed = parseArgv(program, words === '' ? [] : words.split(' '), env)
  if ('help' in parsed) throw new TypeError('help')
  return parsed
}

test('words, flags in any order, repeated flags, and what -- keeps', () => {
  const { args, flags } = parse('grow --json -l a=1 north --label b=2 --form=stem')
  assert.equal(args, ['north'])
  assert.equal(
    [switchFlag(flags, 'json'), listFlag(flags, 'label'), textFlag(flags, 'form')],
    [true, ['a=1', 'b=2'], 'stem'],
  )
  assert.equal(parse('grow -- --json').args, ['--json'])
  assert.equal(parse('grow -').args, ['-'])
  assert.is(parse('token list').command.name, 'token list')
  assert.is(parse('--version').command.name, 'version')
})

test('a variable stands in for a flag with a value, and the flag wins; a default comes last', () => {
  assert.is(textFlag(parse('grow x').flags, 'form'), 'leaf')
  assert.is(textFlag(parse('grow x', { KELP_FORM: 'stem' }).flags, 'form'), 'stem')
  assert.is(textFlag(parse('grow x --form leaf', { KELP_FORM: 'stem' }).flags, 'form'), 'leaf')
  assert.is(textFlag(parse('grow x', { KELP_STATE: '/s' }).flags, 'state'), '/s')
  assert.equal(listFlag(parse('grow x', { KELP_LABEL: 'a=1,b=2' }).flags, 'label'), ['a=1', 'b=2'])
})

test('no variable turns a switch on', () => {
  for (const value of ['1', 'true', 'yes']) {
    assert.not.ok(switchFlag(parse('grow x', { KELP_JSON: value, KELP_HELP: value }).flags, 'json'))
  }
  const man = renderMan(program, '1')
  assert.match(man, /Environment: KELP_FORM/)
  assert.not.match(man, /KELP_JSON|KELP_HELP/)
})

for (const [words, env, said] of [
  ['bogus', {}, /no command "bogus".*kelp --help/],
  ['gro x', {}, /Did you mean grow/],
  ['token', {}, /"token" needs one of: list/],
  ['--json grow', {}, /put the command before --json/],
  ['grow', {}, /grow needs ROCK: Which rock/],
  ['grow a b', {}, /doesn't take "b"/],
  ['grow a --jsn', {}, /no flag --jsn.*--json/],
  ['grow a --json=1', {}, /--json takes no value/],
  ['grow a --form', {}, /--form needs a value/],
  ['grow a --form leaf --form stem', {}, /given twice/],
  ['grow a --form root', {}, /leaf, stem, not "root"/],
  ['grow a', { KELP_FORM: 'root' }, /leaf, stem, not "root"/],
] as const) {
  test(`"${words}" ${JSON.stringify(env)} is a usage error that says what is meant`, () => {
    try {
      parse(words, env)
      assert.unreachable()
    } catch (error) {
      assert.ok(isHoldfastError(error, 'usage'))
      if (isHoldfastError(error)) assert.match(`${error.message} ${error.remedy}`, said)
    }
  })
}

test('a group of commands helps, too', () => {
  for (const words of [
    ['token', '--help'],
    ['token', '-h'],
    ['help', 'token'],
  ]) {
    const parsed = parseArgv(program, words, {})
    assert.match('help' in parsed ? parsed.help : '', /token list/)
    assert.not.match('help' in parsed ? parsed.help : '', /grow {2}/)
  }
})

test('help wherever it is asked for', () => {
  for (const words of ['', '-h', '--help', 'help', 'help grow', 'grow --help', 'grow -h', 'token list --help']) {
    assert.ok('help' in parseArgv(program, words === '' ? [] : words.split(' '), {}), words)
  }
})

test.run()
