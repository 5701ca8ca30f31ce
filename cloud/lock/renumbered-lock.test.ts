// A network moves to other addresses under a membership lock: people sign beforehand for the lists of addresses that it leads
// through, and at each step devices are shown what was signed for that one.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { lockKeyOf } from '../../shared/host/lock-keys.fake.ts'
import type { ListStep } from '../../shared/intent/renumber-lists.ts'
import { signedListsMax } from '../../shared/lock-limits.ts'
import type { LockBundle } from '../../shared/record/lock-bundle.ts'
import { understands } from '../../shared/wire/understands.ts'
import { admin, device, enrolRequest } from '../hub-world.fake.ts'
import {
  admitted,
  bodyOf,
  bundle,
  heard,
  locked,
  network,
  noChange,
  refusal,
  signed,
  specOf,
  steps,
  submit,
  TO,
  waits,
} from './renumbered-lock.fake.ts'
import { proposeFirst, proposeNext } from './signing.ts'

test('it begins when all are signed for, and then leads through all steps and back without another signature', async () => {
  const at = await locked()
  const { lock } = at.hub.lockView(network)
  const before = at.version()
  const said = await refusal(() => steps.start(at))
  assert.match(said, /^conflict: keys of the membership lock have not signed for the addresses to come of a, b\./)
  assert.match(said, 'lock sign --all --cidr 10.90.0.0/16 --cidr6 fd90:1:2::/64 --key FILE')
  assert.is(waits(at, TO), 'a Prepare, a Switch, a After, b Prepare, b Switch, b After')
  // By hands that sign one after the other, with a restart between them.
  submit(at, signed(bundle(at, TO), [1]))
  assert.match(await refusal(() => steps.start(at)), /of a, b\./)
  at.crash()
  await at.restart()
  submit(at, signed(bundle(at, TO), [3]))
  assert.equal([waits(at, TO), at.version(), specOf(at).renumber], ['', before, undefined])
  await heard(at)
  await steps.start(at)
  assert.is(admitted(at), 'a 4 100, b 4 100')
  await steps.end(at)
  assert.is(admitted(at), 'a 2 100, b 2 100')
  await steps.start(at)
  await steps.switch(at)
  assert.equal([admitted(at), waits(at)], ['a 4 10, b 4 10', ''])
  await steps.back(at)
  assert.is(admitted(at), 'a 4 100, b 4 100')
  await steps.switch(at)
  await steps.end(at)
  assert.is(admitted(at), 'a 2 10, b 2 10')
  assert.equal(at.hub.lockView(network).lock, lock)
  at.crash()
  await at.restart()
  assert.is(admitted(at), 'a 2 10, b 2 10')
})

test('signatures for another block, of one key alone, or for one member alone do not do', async () => {
  const at = await locked()
  submit(at, signed(bundle(at, { cidr: parseCidr('10.91.0.0/16') }), [1, 2]))
  assert.match(await refusal(() => steps.start(at)), /of a, b\./)
  submit(at, signed(bundle(at, TO), [2]))
  assert.match(await refusal(() => steps.start(at)), /of a, b\./)
  submit(at, signed(bundle(at, TO), [3], ['a']))
  assert.match(await refusal(() => steps.start(at)), /of b\./)
  const half = signed(bundle(at, TO), [3])
  const without = (step: ListStep): LockBundle => {
    const list = at.hub.lockView(network, TO).members
    return { ...half, members: half.members.filter((_, index) => list[index]?.at !== step) }
  }
  submit(at, without('After'))
  assert.match(await refusal(() => steps.start(at)), /of b\./)
  submit(at, half)
  await steps.start(at)
  assert.is(admitted(at), 'a 4 100, b 4 100')
})

test('a renumbering that could not begin anyway is not signed for', async () => {
  const at = await locked()
  for (const [to, words] of [
    [{ cidr: specOf(at).cidr }, /overlaps/],
    [{ cidr: parseCidr('10.90.0.0/30') }, /too small/],
    [{ cidr: TO.cidr6 }, /not an IPv4 block/],
    [{}, /names no block/],
  ] as const)
    assert.match(await refusal(() => at.hub.lockView(network, to)), words)
  assert.is(specOf(at).renumber, undefined)
  submit(at, signed(bundle(at, TO), [1, 2]))
  await steps.start(at)
  assert.match(await refusal(() => at.hub.lockView(network, TO)), /being renumbered already/)
})

test('whoever joins meanwhile waits for people, who sign for the rest of the way at once', async () => {
  const at = await locked()
  submit(at, signed(bundle(at, TO), [1, 2]))
  await steps.start(at)
  assert.is((await at.hub.enrol(enrolRequest(at.token(), device(3), 'c'), understands)).state, 'pending')
  await heard(at)
  assert.is(waits(at), 'c undefined, c Before, c Switch, c After')
  const now = at.hub
    .lockView(network)
    .members.findIndex(({ at: step, member }) => member.name === 'c' && step === undefined)
  const all = signed(bundle(at), [1, 2], ['c'])
  submit(at, { ...all, members: all.members.slice(now, now + 1) })
  await heard(at)
  assert.is(admitted(at), 'a 4 100, b 4 100, c 4 100')
  const said = await refusal(() => steps.switch(at))
  assert.match(said, /to come of c\./)
  assert.match(said, 'holdfast-hub lock sign --all --key FILE')
  submit(at, all)
  await steps.switch(at)
  await steps.back(at)
  await steps.end(at)
  assert.is(admitted(at), 'a 2 100, b 2 100, c 2 100')
})

for (const [what, isWhole] of [
  ['and signs for all of the way: it goes on', true],
  ['and signs for the step alone: the next one names whom it lacks', false],
] as const) {
  test(`a key takes the place of another amid it ${what}`, async () => {
    const at = await locked()
    submit(at, signed(bundle(at, TO), [1, 2]))
    await steps.start(at)
    const { lock, members: list } = at.hub.lockView(network)
    assert.ok(lock)
    const change = { ...noChange, add: [lockKeyOf(4)], remove: [lockKeyOf(1)] }
    const whole = bundle(at, undefined, proposeNext(lock.lock, change, sha256))
    const given = isWhole
      ? whole
      : { ...whole, members: whole.members.filter((_, index) => list[index]?.at === undefined) }
    submit(at, signed(given, [2, 3, 4]))
    await heard(at)
    assert.is(admitted(at), 'a 4 100, b 4 100')
    if (!isWhole) {
      assert.match(await refusal(() => steps.switch(at)), /to come of a, b\./)
      submit(at, signed(bundle(at), [3, 4]))
    }
    await steps.switch(at)
    await steps.end(at)
    assert.is(admitted(at), 'a 2 10, b 2 10')
  })
}

test('agents that know no renumbering under a lock are named before it begins', async () => {
  const at = await locked()
  submit(at, signed(bundle(at, TO), [1, 2]))
  await at.acknowledge(device(2).nodeId, at.version(), [], ['renumber', 'renumber-step'])
  assert.match(await refusal(() => steps.start(at)), /agents that do not know how to be renumbered.*: b/)
  await at.acknowledge(device(2).nodeId)
  await steps.start(at)
  assert.is(admitted(at), 'a 4 100, b 4 100')
})

test('a lock that was made anew signs for the way, beside what the lost keys signed', async () => {
  const at = await locked()
  const anew = signed(bundle(at, undefined, proposeFirst(at.network(), [lockKeyOf(8)], undefined, 2)), [8])
  at.hub.signMembers(network, anew, true, admin)
  await heard(at)
  assert.match(await refusal(() => steps.start(at)), /of a, b\./)
  submit(at, signed(bundle(at, TO), [8]))
  await steps.start(at)
  await steps.end(at)
  assert.is(bodyOf(at, 'a').membership?.length, 3)
  await steps.start(at)
  submit(at, signed(bundle(at), [8]))
  await steps.switch(at)
  await steps.end(at)
  assert.is(admitted(at), 'a 2 10, b 2 10')
})

test('signatures for renumberings that never begin push nothing out that a member needs', async () => {
  const at = await locked()
  const plans = (from: number) => [0, 1, 2, 3, 4].map((more) => ({ cidr: parseCidr(`10.${from + more}.0.0/16`) }))
  submit(at, signed(bundle(at, TO), [1, 2]))
  await steps.start(at)
  await steps.switch(at)
  await steps.end(at)
  for (const to of plans(100)) submit(at, signed(bundle(at, to), [1, 2]))
  await heard(at)
  assert.is(admitted(at), 'a 2 10, b 2 10')
  for (const { lists, name } of at.store.enrolments()) assert.is(lists?.length, signedListsMax, name)
  at.crash()
  await at.restart()
  assert.is(admitted(at), 'a 2 10, b 2 10')
})

test.run()
