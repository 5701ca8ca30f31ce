// The boot script, run by a real shell with stand-ins for what only a virtual machine has.

import { execFileSync } from 'node:child_process'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bootScript, bootSettings, guestInit } from './guest.ts'

const sh = (script: string): string => execFileSync('sh', ['-c', script], { encoding: 'utf8' })

test('the words of a command arrive as they were given', () => {
  const argv = ['printf', '%s|', "it's", 'a b', '$HOME', '"', 'x\ny', '`id`', '']
  const script = bootScript({ argv, cwd: '/tmp', env: { ODD: "a'b $c" }, modules: [] })
  const line = script.split('\n').findIndex((one) => one.startsWith("'printf'"))
  const command = script.slice(script.indexOf("'printf'"), script.indexOf(' </dev/null'))
  assert.ok(line > 0)
  assert.is(sh(command), 'it\'s|a b|$HOME|"|x\ny|`id`||')
  const set = script.split('\n').find((one) => one.startsWith('export ODD=')) ?? ''
  assert.is(sh(`${set}; printf %s "$ODD"`), "a'b $c")
})

test('both scripts are a shell’s', () => {
  const boot = bootScript({ argv: ['true'], cwd: '/', env: {}, modules: ['tun'] })
  for (const script of [boot, guestInit(['9p.ko']), bootSettings({ host: '/host', modules: '' })]) {
    assert.is(execFileSync('sh', ['-n'], { input: script, encoding: 'utf8' }), '')
  }
})

test.run()
