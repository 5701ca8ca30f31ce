// How the link comes up, against an `ip` that says what it is told to.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { setLink } from './link.ts'

async function fault(why: string): Promise<unknown> {
  const run = async (): Promise<string> => {
    throw new HoldfastError('failed', `ip link set dev hf0 up: ${why}`)
  }
  return await setLink('hf0', 1_420, run).then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('a port that somebody took meanwhile is told with its remedy; other failures pass as they are', async () => {
  const taken = await fault('RTNETLINK answers: Address already in use')
  assert.ok(isHoldfastError(taken, 'conflict'))
  assert.match(isHoldfastError(taken) ? (taken.remedy ?? '') : '', 'Restart the agent')
  assert.ok(isHoldfastError(await fault('RTNETLINK answers: Operation not permitted'), 'failed'))
})

test('the words are those of ip', async () => {
  const said: (readonly string[])[] = []
  await setLink('hf0', 1_280, async (program, args) => {
    said.push([program, ...args])
    return ''
  })
  assert.equal(said, [['ip', 'link', 'set', 'dev', 'hf0', 'mtu', '1280', 'up']])
})

test.run()
