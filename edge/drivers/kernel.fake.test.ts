// The fake kernel does what the real one does, and breaks where it is told to.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Cidr } from '../../shared/address/cidr.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { plan } from '../plan/plan.ts'
import { defineConformance, type Subject, sampleDesired, sampleRecords } from './conformance.fake.ts'
import { createFakeKernel, type FakeKernel } from './kernel.fake.ts'
import { defineRenumbering } from './renumber-case.fake.ts'

function subjectOf(kernel: FakeKernel): Subject {
  const change = (run: () => unknown) => async (): Promise<void> => {
    run()
    kernel.ring()
  }
  return {
    interface: 'hf0',
    wgKey: fakeWgKey(1),
    start: () => kernel.driver(),
    sabotage: {
      removePeer: (wgKey) => change(() => kernel.device?.peers.delete(wgKey))(),
      removeAddress: (cidr) => change(() => kernel.device?.addresses.delete(cidr))(),
      addAddress: (cidr) => change(() => kernel.device?.addresses.add(cidr))(),
      removeRoute: (destination) =>
        change(() =>
          [...kernel.routes].forEach(([key, r]) => r.destination === destination && kernel.routes.delete(key)),
        )(),
      removePolicy: change(() => (kernel.policy = undefined)),
      removeTable: change(() => (kernel.ruleset = undefined)),
      removeServices: change(() => (kernel.services = '')),
      changePolicy: change(() => kernel.policy && (kernel.policy = { ...kernel.policy })),
      removeLink: change(() => (kernel.device = undefined)),
      takeDown: change(() => kernel.device && (kernel.device.up = false)),
    },
    close: async () => undefined,
  }
}

defineConformance(test, async () => subjectOf(createFakeKernel()))
defineRenumbering(test, async () => subjectOf(createFakeKernel()))

test('a policy that can not be set opens nothing', async () => {
  const kernel = createFakeKernel()
  kernel.fault = (op) => (op.op === 'policy-set' ? new HoldfastError('failed', 'no nft') : undefined)
  const subject = { interface: 'hf0', wgKey: fakeWgKey(1) }
  const driver = kernel.driver()
  const ops = plan(sampleDesired(subject, sampleRecords(subject.wgKey)), await driver.read())
  const { done, failed } = await driver.apply(ops)
  assert.equal(done, [])
  assert.is(failed.length, ops.length)
  assert.is(kernel.device, undefined)
})

test('one refusal keeps nothing else from being done', async () => {
  const kernel = createFakeKernel()
  const bad = '10.77.0.1/32' as Cidr
  kernel.fault = (op) => (op.op === 'address-add' && op.cidr === bad ? new HoldfastError('failed', 'no') : undefined)
  const driver = kernel.driver()
  const desired = sampleDesired({ interface: 'hf0', wgKey: fakeWgKey(1) }, sampleRecords(fakeWgKey(1)))
  const { failed } = await driver.apply(plan(desired, await driver.read()))
  assert.equal(
    failed.map(({ op }) => op.op),
    ['address-add'],
  )
  kernel.fault = () => undefined
  assert.equal(plan(desired, await driver.read()), [{ op: 'address-add', cidr: bad }])
})

test.run()
