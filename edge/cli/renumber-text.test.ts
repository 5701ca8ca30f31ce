// What people read at a device while its network is renumbered, or where it may have missed the end of that.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAddress, parseCidr } from '../../shared/address/cidr.ts'
import type { RenumberStep } from '../../shared/intent/renumber.ts'
import type { AgentStatus } from '../agent.ts'
import type { CutOff } from '../report/cut-off.ts'
import { renumberingStatus } from '../report/renumbering.ts'
import { renumberLines, silenceLines } from './renumber-text.ts'

const [OLD, NEW] = [parseCidr('10.77.0.0/24'), parseCidr('10.90.0.0/24')]
const [OLD6, NEW6] = [parseCidr('fd77::/64'), parseCidr('fd90::/64')]
const cutOff: CutOff = { since: 1, waitsFor: 'hub', peersReachable: 2, peersTotal: 3, relays: [], hubHeardBy: [] }

function linesAt(step: RenumberStep | undefined, more: { readonly cutOff?: CutOff } = {}): readonly string[] {
  const told = step === undefined ? {} : { step }
  const renumbering = renumberingStatus({ cidr: OLD, renumber: { cidr: NEW, ...told } })
  return renumberLines({ ...(renumbering === undefined ? {} : { renumbering }), ...more })
}

test('the step, the block in use and the one besides are in one sentence, with what comes next', () => {
  assert.equal(linesAt('Prepare'), [
    'renumber  step Prepare: 10.77.0.0/24 is in use, and every node gets an address in 10.90.0.0/24 besides; next is the switch to it',
  ])
  assert.equal(linesAt('Switch'), [
    'renumber  step Switch: 10.77.0.0/24 is in use, and addresses in 10.90.0.0/24 are still answered; next is the finish, which lets these go',
  ])
  assert.equal(linesAt('Return', { cutOff }), [
    'renumber  step Return: back to 10.77.0.0/24, and addresses in 10.90.0.0/24 are still answered; next is the finish, which lets these go; the hub is away, so that a peer has to tell of it',
  ])
})

test('of a hub that does not tell the step, what it does tell is said', () => {
  assert.match(
    linesAt(undefined)[0] ?? '',
    /^renumber {2}under way: 10\.77\.0\.0\/24 is in use, .* in 10\.90\.0\.0\/24/,
  )
})

test('only the families that change are named, and nothing where none does', () => {
  const both = { cidr: OLD, cidr6: OLD6 }
  assert.equal(renumberingStatus({ ...both, renumber: { step: 'Switch', cidr6: NEW6 } }), {
    step: 'Switch',
    inUse: [OLD6],
    besides: [NEW6],
  })
  const all = renumberingStatus({ ...both, renumber: { step: 'Switch', cidr: NEW, cidr6: NEW6 } })
  assert.equal(
    [all?.inUse, all?.besides],
    [
      [OLD, OLD6],
      [NEW, NEW6],
    ],
  )
  assert.is(renumberingStatus(both), undefined)
  assert.is(renumberingStatus(undefined), undefined)
  assert.equal(renumberLines({}), [])
})

const NOW = 1_800_000_000_000
const version = { epoch: 1, revision: 12 }
const gossip = { said: 3, heard: 0, factsSpread: 0, begun: 0, served: 0, failed: 0, refused: 0 }

function silence(silentForMs: number | undefined, away: CutOff | undefined = cutOff): readonly string[] {
  return silenceLines(
    {
      addresses: [parseAddress('10.77.0.4')],
      revision: { held: version, applied: version, lastGood: version },
      gossip: silentForMs === undefined ? gossip : { ...gossip, silentSince: NOW - silentForMs },
      ...(away === undefined ? {} : { cutOff: away }),
    },
    NOW,
  )
}

test('a device whose peers do not answer in the mesh, though ways to them stand, says what it waits for', () => {
  assert.equal(silence(120_000), [
    'silence   ways to 2 of 3 peers stand, and none answers at its address in the mesh for 2m:',
    '          if the network has left the addresses of revision 12 (here 10.77.0.4), this node waits for the hub, or',
    '          for a neighbour in its LAN, to bring the newer ones',
  ])
})

test('it says nothing of it at once, with the hub there, without a way to anybody, or once it was answered', () => {
  assert.equal(silence(29_000), [])
  assert.equal(silence(undefined), [])
  assert.equal(silence(-60_000), [])
  assert.equal(silence(120_000, { ...cutOff, peersReachable: 0 }), [])
  const { addresses, revision } = { addresses: [], revision: { held: version } as AgentStatus['revision'] }
  assert.equal(silenceLines({ addresses, revision, gossip: { ...gossip, silentSince: 1 } }, NOW), [])
})

test.run()
