// What every forwarder must do: hold what it is told, hand it on to the next process, and leave nothing behind.

import * as assert from 'uvu/assert'
import { parseAddress } from '../../shared/address/cidr.ts'
import { parseEndpoint } from '../../shared/address/endpoint.ts'
import { parseNodeId } from '../../shared/ids.ts'
import type { Forward, Forwarder } from './forwarder.ts'

export interface ForwarderSubject {
  /** As a new process would make it, over the same kernel. */
  readonly start: () => Forwarder
  /** Takes everything away behind its back; undefined where nobody could. */
  readonly sabotage?: () => Promise<void>
}

export type Define = (name: string, run: () => Promise<void>) => void

const nodes = [parseNodeId('aaaaaaaaaaaaaaaa'), parseNodeId('bbbbbbbbbbbbbbbb')] as const
const end = (source: string, local: string) => ({ source: parseEndpoint(source), local: parseAddress(local) })
const left = end('198.51.100.1:51820', '192.0.2.9')
const right = end('203.0.113.2:40001', '192.0.2.9')
const both: Forward = { port: 61_000, family: 4, nodes, ends: [left, right] }
const early: Forward = { port: 61_001, family: 4, nodes, ends: [undefined, right] }
const six: Forward = {
  port: 61_023,
  family: 6,
  nodes,
  ends: [end('[2001:db8::1]:51820', '2001:db8::9'), end('[2001:db8:1::2]:51820', '2001:db8::9')],
}

function byPort(forwards: readonly Forward[]): readonly Forward[] {
  return [...forwards].sort((a, b) => a.port - b.port)
}

export function defineForwarderConformance(define: Define, open: () => Promise<ForwarderSubject>): void {
  const check = (name: string, run: (subject: ForwarderSubject, forwarder: Forwarder) => Promise<void>): void =>
    define(name, async () => {
      const subject = await open()
      const forwarder = subject.start()
      await forwarder.start()
      try {
        await run(subject, forwarder)
      } finally {
        await forwarder.cleanup()
      }
    })

  check('sessions of both families, whole and half, are read back by the next process', async (subject, forwarder) => {
    await Promise.all([both, early, six].map((forward) => forwarder.set(forward)))
    assert.equal(byPort(await subject.start().start()), [both, early, six])
  })

  check('an end that moves, comes or goes changes its session alone', async (subject, forwarder) => {
    await forwarder.set(both)
    await forwarder.set(early)
    const moved: Forward = { ...both, ends: [end('198.51.100.1:40404', '192.0.2.9'), right] }
    const whole: Forward = { ...early, ends: [left, right] }
    await Promise.all([forwarder.set(moved), forwarder.set(whole)])
    assert.equal(byPort(await subject.start().start()), [moved, whole])
    const alone: Forward = { ...both, ends: [left, undefined] }
    await forwarder.set(alone)
    await forwarder.remove(whole.port)
    assert.equal(await subject.start().start(), [alone])
  })

  check('what an earlier process left can be changed and removed', async (subject, forwarder) => {
    await Promise.all([both, six].map((forward) => forwarder.set(forward)))
    const next = subject.start()
    await next.start()
    await next.set({ ...both, ends: [left, undefined] })
    await next.remove(six.port)
    assert.equal(await subject.start().start(), [{ ...both, ends: [left, undefined] }])
  })

  check('counters tell of every session, and junk is counted', async (_subject, forwarder) => {
    await forwarder.set(both)
    assert.equal([...(await forwarder.carried())], [[both.port, { packets: [0, 0], bytes: [0, 0] }]])
    assert.is(await forwarder.dropped(), 0)
  })

  check('what somebody took away comes back whole with the next change', async ({ sabotage, start }, forwarder) => {
    await forwarder.set(both)
    await forwarder.set(six)
    if (sabotage === undefined) return
    await sabotage()
    await forwarder.set(early)
    await forwarder.set({ ...six, ends: [six.ends[0], undefined] })
    assert.equal(byPort(await start().start()), [both, early, { ...six, ends: [six.ends[0], undefined] }])
  })

  check('cleaning up leaves nothing, twice', async (subject, forwarder) => {
    await forwarder.set(both)
    await forwarder.cleanup()
    await forwarder.cleanup()
    assert.equal(await subject.start().start(), [])
  })
}
