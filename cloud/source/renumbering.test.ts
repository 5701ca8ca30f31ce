// The steps of a renumbering: which follows which, whom they wait for, and what addresses nodes have at each of them.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Address, blockOf, isWithin, parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import { parseName } from '../../shared/ids.ts'
import { checkConsistency } from '../../shared/intent/consistency.ts'
import { type NetworkSpec, networkSpec } from '../../shared/intent/network.ts'
import { movedFixed, renumberSteps } from '../../shared/intent/renumber-steps.ts'
import { apiVersion, parseResource, parseWith } from '../../shared/intent/resource.ts'
import { type BodyOf, parseRecord } from '../../shared/record/record.ts'
import { createAddresses } from '../compile/addresses.ts'
import { compile } from '../compile/compile.ts'
import { MemoryHubStore } from '../store/memory.fake.ts'
import { checkRenumbering, type RenumberingWorld } from './renumbering.ts'

const net = parseName('default')
const NEW = { cidr: parseCidr('10.90.0.0/24'), cidr6: parseCidr('fd90::/64') }
const plain = parseWith(networkSpec, { cidr: '10.77.0.0/24', cidr6: 'fd77::/64' })
const prepared = renumberSteps.start(plain, NEW)
const turned = renumberSteps.switch(prepared)
const returned = renumberSteps.back(turned)

const all: RenumberingWorld = { missing: () => [], unable: () => [] }
const sleeps: RenumberingWorld = { missing: () => ['pump-7'], unable: () => [] }

function check(before: NetworkSpec | undefined, after: NetworkSpec, world = all): string {
  try {
    checkRenumbering('default', before, after, world)
    return ''
  } catch (error) {
    return String(error)
  }
}

test('the blocks change places with the switch, and back, and what ends leaves no trace', () => {
  assert.equal([turned.cidr, turned.cidr6], [NEW.cidr, NEW.cidr6])
  assert.equal(turned.renumber, { step: 'Switch', cidr: plain.cidr, cidr6: plain.cidr6 })
  assert.equal(renumberSteps.end(returned), plain)
  assert.equal(renumberSteps.end(prepared), plain)
  assert.equal(renumberSteps.end(turned), { ...plain, ...NEW })
  assert.throws(() => renumberSteps.start(prepared, NEW), /being renumbered already/)
  assert.throws(() => renumberSteps.end(plain), /not being renumbered/)
})

test('each step waits for the one before, and says for whom', () => {
  for (const [before, after, word] of [
    [prepared, turned, 'acknowledged'],
    [turned, renumberSteps.end(turned), 'proven'],
    [returned, plain, 'acknowledged'],
  ] as const) {
    assert.is(check(before, after), '')
    assert.match(check(before, after, sleeps), new RegExp(`not ${word} by pump-7`))
    assert.is(check(renumberSteps.without(before, [parseName('pump-7')]), after, sleeps), '')
    assert.match(check(before, after, { ...all, missing: () => undefined }), /not published yet/)
  }
})

test('what can be undone without anybody is: before the switch, and the switch itself', () => {
  assert.is(check(prepared, plain, sleeps), '')
  assert.is(check(turned, returned, sleeps), '')
  assert.is(check(returned, renumberSteps.switch(returned), sleeps), '')
})

test('agents that do not understand are named, before anything is sent', () => {
  const old: RenumberingWorld = { ...all, unable: () => ['pump-7', 'pump-8'] }
  assert.match(check(plain, prepared, old), /do not know how to be renumbered.*: pump-7, pump-8/)
  assert.is(check(plain, renumberSteps.start(plain, NEW, [parseName('pump-7'), parseName('pump-8')]), old), '')
  assert.is(check(plain, prepared), '')
})

test('there is no way around a step', () => {
  const other = renumberSteps.start(plain, { cidr: parseCidr('10.91.0.0/24') })
  assert.match(check(prepared, other), /being renumbered already/)
  assert.match(check(plain, turned), /begins with step: Prepare/)
  assert.match(check(undefined, prepared), /a new network/)
  assert.match(check(prepared, { ...plain, ...NEW }), /can not change as a renumbering ends/)
  assert.match(check(prepared, { ...prepared, cidr: parseCidr('10.92.0.0/24') }), /already/)
  assert.match(check(prepared, { ...turned, cidr: parseCidr('10.92.0.0/24') }), /is not followed by/)
  assert.match(check(prepared, returned), /is not followed by/)
})

function faults(spec: object): string {
  const network = parseResource({ apiVersion, kind: 'Network', metadata: { name: 'default' }, spec })
  const second = { cidr: '10.50.0.0/16' }
  const other = parseResource({ apiVersion, kind: 'Network', metadata: { name: 'another' }, spec: second })
  return checkConsistency([other, network])
    .map((fault) => `${fault.field} ${fault.message}`)
    .join('; ')
}

test('bad blocks are refused with their field', () => {
  const to = (renumber: object, more: object = {}) =>
    faults({ cidr: '10.77.0.0/24', ...more, renumber: { step: 'Prepare', ...renumber } })
  assert.is(to({ cidr: '10.90.0.0/24' }), '')
  assert.match(to({}), /renumber names no block/)
  assert.match(to({ cidr: 'fd90::/64' }), /fd90::\/64 is not an IPv4 block/)
  assert.match(to({ cidr6: '10.90.0.0/24' }), /is not an IPv6 block/)
  assert.match(to({ cidr6: 'fd90::/64' }), /no cidr6 that fd90::\/64 could take the place of/)
  assert.match(to({ cidr6: '2001:db8::/64' }, { cidr6: 'fd77::/64' }), /not a unique local/)
  assert.match(to({ cidr: '10.90.0.0/30' }), /too small/)
  for (const block of ['10.77.0.0/24', '10.77.0.128/25', '10.0.0.0/8'])
    assert.match(to({ cidr: block }), /overlaps/, block)
  assert.match(to({ cidr: '10.50.7.0/24' }), /overlaps 10\.50\.0\.0\/16 of Network\/another/)
})

test('devices are told of the blocks and the step, and of nothing else', () => {
  const spec = renumberSteps.without(prepared, [parseName('pump-7')])
  const resource = parseResource({ apiVersion, kind: 'Network', metadata: { name: 'default' }, spec })
  const compiled = compile(resource, { addresses: [] })
  const { body } = parseRecord(compiled?.bytes ?? new Uint8Array()) as { readonly body: BodyOf<'network'> }
  assert.equal(body.spec.renumber, { ...NEW, step: 'Prepare' })
})

const steps = [plain, prepared, turned, renumberSteps.end(turned)]

test('in whatever order nodes come and go and steps are taken, nobody shares an address, and places are kept', () => {
  const act = fc.record({ owner: fc.nat(12), fixed: fc.boolean(), leaves: fc.boolean(), step: fc.boolean() })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const addresses = createAddresses(new MemoryHubStore())
      const held = new Map<string, readonly Address[] | undefined>()
      let at = 0
      for (const { fixed, leaves, owner, step } of acts) {
        const name = `node/${owner}`
        const spec = steps[at] ?? plain
        if (step && at < steps.length - 1) {
          // As the commands do: fixed addresses move with the switch.
          if (at === 1) for (const [one, own] of held) if (own !== undefined) held.set(one, movedFixed(own, spec))
          at += 1
        } else if (leaves) {
          addresses.release(net, name)
          held.delete(name)
        } else if (!held.has(name)) {
          const base = at < 2 ? '10.77.0' : '10.90.0'
          held.set(name, fixed ? [parseAddress(`${base}.${100 + owner}`)] : undefined)
        }
        const now = steps[at] ?? plain
        const given = [...held].map(([one, own]) => addresses.give(net, now, one, own))
        const every = given.flat()
        assert.is(new Set(every).size, every.length)
        const other = at === 1 || at === 2
        for (const own of given) {
          assert.is(own.length, other ? 4 : 2)
          assert.ok(isWithin(blockOf(now.cidr), own[0] as Address))
          // The same place in both blocks, so that people recognise it.
          if (other) assert.is(own[0]?.split('.')[3], own[2]?.split('.')[3])
        }
      }
    }),
  )
})

test('pools move along, and nodes of theirs keep their place in them', () => {
  const pools = [
    { name: 'plant', nodes: { matchLabels: { site: 'plant' } }, cidr: '10.77.0.16/28', cidr6: 'fd77::100/120' },
  ]
  const pooled = parseWith(networkSpec, { cidr: '10.77.0.0/24', cidr6: 'fd77::/64', pools })
  const [first, second] = [renumberSteps.start(pooled, NEW), renumberSteps.switch(renumberSteps.start(pooled, NEW))]
  assert.equal([second.pools?.[0]?.cidr, second.pools?.[0]?.cidr6], ['10.90.0.16/28', 'fd90::100/120'])
  const addresses = createAddresses(new MemoryHubStore())
  const give = (spec: NetworkSpec, owner: string) =>
    addresses.give(net, spec, owner, undefined, { site: 'plant' }).join(' ')
  assert.is(give(pooled, 'node/a'), '10.77.0.16 fd77::100')
  assert.is(give(first, 'node/a'), '10.77.0.16 fd77::100 10.90.0.16 fd90::100')
  assert.is(give(first, 'node/b'), '10.77.0.17 fd77::101 10.90.0.17 fd90::101')
  assert.is(give(second, 'node/a'), '10.90.0.16 fd90::100 10.77.0.16 fd77::100')
  assert.is(give(second, 'node/c'), '10.90.0.18 fd90::102 10.77.0.18 fd77::102')
  assert.is(give(renumberSteps.end(second), 'node/c'), '10.90.0.18 fd90::102')
})

test('a block that has no room for all is refused, and names itself', () => {
  const addresses = createAddresses(new MemoryHubStore())
  const small = renumberSteps.start(plain, { cidr: parseCidr('10.90.0.0/29') })
  const owners = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const owner of owners) addresses.give(net, plain, owner, undefined)
  assert.throws(() => owners.map((owner) => addresses.give(net, small, owner, undefined)), /10\.90\.0\.0\/29 are taken/)
})

test.run()
