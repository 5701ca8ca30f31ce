// What must not come of signatures for a renumbering: a hub that swaps lists or addresses, and a device that turns to another key
// amid the steps.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, parseAddress } from '../../shared/address/cidr.ts'
import { toBase64 } from '../../shared/bytes.ts'
import { sealFact } from '../../shared/fact/fact.ts'
import { type KeyStatement, sealKeyStatement } from '../../shared/fact/key-statement.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import type { LockBundle } from '../../shared/record/lock-bundle.ts'
import { createJudge } from '../../shared/record/member.ts'
import { fakeWgKey } from '../../shared/record/parsed.fake.ts'
import { device, type World } from '../hub-world.fake.ts'
import {
  admitted,
  bodyOf,
  bundle,
  heard,
  locked,
  network,
  refusal,
  signed,
  steps,
  submit,
  TO,
  waits,
} from './renumbered-lock.fake.ts'

const KEY = fakeWgKey(41)

/** `a` asks for another key, or says that it has turned to it. */
async function wantKey(at: World, word: Pick<KeyStatement, 'asked'>): Promise<void> {
  const { nodeId: node, signer } = device(1)
  const keyStatement = toBase64(
    sealKeyStatement({ network: at.network(), node, serial: 1, wgKey: KEY, ...word }, signer, sha256),
  )
  const seq = word.asked === true ? 1 : 2
  const seen = { candidates: [], observed: [], relays: [], natType: 'unknown' as const, at: 1 }
  await at.say(node, 'fact', sealFact({ node, boot: 1, seq, ...seen, keyStatement }, signer, sha256))
}

test('what was signed for one step makes nobody a member at another one, nor with another’s addresses', async () => {
  const at = await locked()
  submit(at, signed(bundle(at, TO), [1, 2]))
  await steps.start(at)
  const { lock } = at.hub.lockView(network)
  assert.ok(lock)
  const judge = createJudge(lock.lock, { sha256, verify })
  const [a, b] = [bodyOf(at, 'a'), bodyOf(at, 'b')]
  assert.is(judge(a), 'admitted')
  const lists = at.hub.lockView(network).members
  for (const { member, signatures } of lists) {
    const own = { ...a, addresses: [...member.addresses] as Address[], membership: [...signatures] }
    assert.is(judge(own), member.name === 'a' ? 'admitted' : 'unsigned', `${member.name} ${member.addresses.join()}`)
    if (member.addresses.join() === a.addresses.join()) continue
    // The signatures of another list beside the present one, and the present ones beside another list.
    assert.is(judge({ ...a, membership: [...signatures] }), 'unsigned')
    assert.is(judge({ ...own, membership: [...(a.membership ?? [])] }), 'unsigned')
  }
  assert.is(judge({ ...a, addresses: b.addresses }), 'unsigned')
})

test('a file in which addresses were swapped is not signed, and not taken', async () => {
  const at = await locked()
  const whole = bundle(at, TO)
  const twist = (change: (addresses: readonly Address[], name: string) => readonly Address[]): LockBundle => ({
    ...whole,
    members: whole.members.map(({ member, signatures }) => ({
      member: { ...member, addresses: [...change(member.addresses, member.name)] },
      signatures,
    })),
  })
  const [first] = whole.members
  const shared = twist((addresses, name) =>
    name === 'b' && addresses.length === 4 ? (first?.member.addresses ?? []) : addresses,
  )
  assert.match(await refusal(() => signed(shared, [1])), /^untrusted: .* is to belong to a and to b\./)
  const foreign = parseAddress('192.0.2.9')
  const strange = twist((addresses, name) =>
    name === 'a' && addresses.length === 4 ? addresses.with(2, foreign) : addresses,
  )
  assert.match(
    await refusal(() => signed(strange, [1])),
    /^untrusted: 192\.0\.2\.9 of a lies outside 10\.90\.0\.0\/16 and fd90:/,
  )
  // A place in the block that the hub did not give: the tool can't know, the hub does.
  const other = parseAddress('10.90.7.7')
  const moved = twist((addresses, name) =>
    name === 'a' && addresses.length === 4
      ? addresses.map((one) => (one.startsWith('10.90.') ? other : one))
      : addresses,
  )
  assert.match(await refusal(() => submit(at, signed(moved, [1], ['a']))), /^bad-signature: the signature for a /)
  const bare = signed(whole, [1, 2])
  const { renumber: _, ...silent } = bare
  assert.match(await refusal(() => submit(at, silent)), /^bad-signature/)
})

test('a device that turns to another key amid it is signed for with that key at each step', async () => {
  const at = await locked()
  submit(at, signed(bundle(at, TO), [1, 2]))
  await steps.start(at)
  await wantKey(at, { asked: true })
  assert.is(waits(at), 'a undefined, a Before, a Switch, a After')
  const all = signed(bundle(at), [1, 2], ['a'])
  const list = at.hub.lockView(network).members
  submit(at, { ...all, members: all.members.filter((_, index) => list[index]?.at === undefined) })
  await heard(at)
  assert.is(bodyOf(at, 'a').next?.wgKey, KEY)
  // It may turn to it at any time: it must not find itself without signatures after the step.
  assert.match(await refusal(() => steps.switch(at)), /to come of a\./)
  submit(at, all)
  await steps.switch(at)
  assert.is(bodyOf(at, 'a').next?.membership.length, 2)
  await wantKey(at, {})
  await heard(at)
  assert.equal([bodyOf(at, 'a').wgKey, admitted(at)], [KEY, 'a 4 10, b 4 10'])
  await steps.end(at)
  assert.is(admitted(at), 'a 2 10, b 2 10')
})

test.run()
