// The outbox: its window, its bound, and which of two retained messages of one topic survives.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, utf8 } from '../bytes.ts'
import { settle } from '../effects.fake.ts'
import type { BusMessage } from '../effects.ts'
import { HoldfastError, isHoldfastError } from '../errors.ts'
import { createOutbox } from './mqtt-outbox.ts'

const message = (topic: string, text: string, retain = false): BusMessage => ({ topic, payload: utf8(text), retain })

/** An outbox whose messages are acknowledged by hand. */
function setUp(queueMax = 4, inFlightMax = 2) {
  const outbox = createOutbox({ queueMax, inFlightMax })
  const sent: string[] = []
  const acks: (() => void)[] = []
  const send = ({ payload }: BusMessage): Promise<void> => {
    sent.push(fromUtf8(payload))
    return new Promise((resolve) => void acks.push(resolve))
  }
  return { outbox, sent, send, acks }
}

const codeOf = (work: Promise<void>): Promise<string> =>
  work.then(
    () => 'sent',
    (error: unknown) => (isHoldfastError(error) ? error.code : 'other'),
  )

test('sends in order, no more at once than the window', async () => {
  const { outbox, sent, send, acks } = setUp()
  outbox.open(send)
  const all = ['1', '2', '3', '4'].map((text) => codeOf(outbox.publish(message('t', text))))
  assert.equal(sent, ['1', '2'])
  acks.shift()?.()
  await settle()
  assert.equal(sent, ['1', '2', '3'])
  while (acks.length > 0) {
    acks.shift()?.()
    await settle()
  }
  assert.equal(await Promise.all(all), ['sent', 'sent', 'sent', 'sent'])
})

test('of retained messages that wait, the last of a topic wins, and both senders hear of it', async () => {
  const { outbox, sent, send, acks } = setUp(2, 1)
  outbox.open(send)
  void outbox.publish(message('busy', 'busy'))
  const older = codeOf(outbox.publish(message('status', 'old', true)))
  const other = codeOf(outbox.publish(message('status', 'plain')))
  const newer = codeOf(outbox.publish(message('status', 'new', true)))
  assert.is(await codeOf(outbox.publish(message('more', 'more'))), 'exhausted')
  for (let i = 0; i < 3; i++) {
    acks.shift()?.()
    await settle()
  }
  assert.equal(sent, ['busy', 'new', 'plain'])
  assert.equal(await Promise.all([older, newer, other]), ['sent', 'sent', 'sent'])
})

test('a link that goes down takes what was not acknowledged with it; late acknowledgements change nothing', async () => {
  const { outbox, sent, send, acks } = setUp(4, 1)
  assert.is(await codeOf(outbox.publish(message('t', 'early'))), 'unreachable')
  outbox.open(send)
  const all = ['1', '2'].map((text) => codeOf(outbox.publish(message('t', text))))
  outbox.close(new HoldfastError('unreachable', 'gone'))
  assert.equal(await Promise.all(all), ['unreachable', 'unreachable'])
  outbox.open(send)
  acks.shift()?.()
  await settle()
  assert.equal(sent, ['1'])
  const again = codeOf(outbox.publish(message('t', '3')))
  assert.equal(sent, ['1', '3'])
  acks.shift()?.()
  assert.is(await again, 'sent')
})

test.run()
