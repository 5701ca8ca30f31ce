// The program that asks routers: over the loopback, where everybody answers.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { memoryLog } from '../../shared/effects.fake.ts'
import { systemClock } from '../../shared/host/clock.ts'
import type { Echo } from '../routers/echoes.ts'
import { findBpfProgram } from './bpf-program.ts'
import { createEchoAsker } from './echo-asker.ts'

const program = findBpfProgram()
const isRoot = process.getuid?.() === 0

function opened(name: string): {
  readonly next: () => Promise<Echo>
  readonly asker: ReturnType<typeof createEchoAsker>
} {
  const heard: Echo[] = []
  let wake: (() => void) | undefined
  const asker = createEchoAsker({
    program: program ?? '',
    interface: name,
    clock: systemClock,
    log: memoryLog(),
    onAnswer(echo) {
      heard.push(echo)
      wake?.()
    },
  })
  const next = async (): Promise<Echo> => {
    const one = heard.shift()
    if (one !== undefined) return one
    await new Promise<void>((resolve) => void (wake = resolve))
    return await next()
  }
  return { next, asker }
}

if (program !== undefined && isRoot) {
  test('an echo comes back with its identifier and its number, one process for all', async () => {
    const { asker, next } = opened('lo')
    const at = parseAddress('127.0.0.1')
    for (const seq of [1, 65_535]) {
      asker.ask({ at, id: 40_000, seq })
      assert.equal(await next(), { at, id: 40_000, seq })
    }
    asker.close()
  })
}

test('a program that is not there, or an interface, is no reason to fail', () => {
  const asker = createEchoAsker({
    program: '/nonexistent/holdfast-bpf',
    interface: 'lo',
    clock: systemClock,
    log: memoryLog(),
    onAnswer: () => assert.unreachable(),
  })
  asker.ask({ at: parseAddress('127.0.0.1'), id: 1, seq: 1 })
  asker.ask({ at: parseAddress('127.0.0.1'), id: 1, seq: 2 })
  asker.close()
})

test.run()
