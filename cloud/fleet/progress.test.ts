// How far a revision has come, told member by member: what is counted at once must be what one would count by hand.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { compareVersion, noVersion, type Version } from '../../shared/record/head.ts'
import { type Member, measure } from './progress.ts'

const version = (revision: number): Version => ({ epoch: 1, revision })
const newest = version(6)

const anyMembers = fc
  .array(
    fc.record({
      name: fc.stringMatching(/^[a-z]{1,3}$/),
      online: fc.boolean(),
      held: fc.nat(8),
      applied: fc.nat(8),
      lastGood: fc.nat(8),
      takenBack: fc.option(fc.nat(8), { nil: undefined }),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list.map(({ applied, held, lastGood, name, online, takenBack }, at): Member => {
      const own = `${name}${at}` as Member['name']
      return {
        name: own,
        nodeId: `id${at}` as Member['nodeId'],
        online,
        held: version(held),
        applied: version(applied),
        lastGood: version(lastGood),
        takenBack:
          takenBack === undefined
            ? undefined
            : { name: own, version: version(takenBack), since: 1, check: 'hub', detail: 'lost', certain: true },
      }
    }),
  )

test('each member is in one list, and the lists are sorted, whatever the order of members', () => {
  fc.assert(
    fc.property(anyMembers, fc.nat(7), (members, asked) => {
      const at = version(asked)
      const waits = (node: string): boolean => node.endsWith('3')
      const runs = ({ applied }: Member): Version => (compareVersion(applied, newest) > 0 ? noVersion : applied)
      const open = members.filter((member) => compareVersion(runs(member), at) < 0)
      const isTaken = ({ takenBack }: Member): boolean =>
        takenBack !== undefined && compareVersion(takenBack.version, at) >= 0
      const isWaiting = (member: Member): boolean =>
        !isTaken(member) && waits(member.nodeId) && compareVersion(member.held, at) >= 0
      const rest = open.filter((member) => !isTaken(member) && !isWaiting(member))
      const names = (list: readonly Member[]): readonly string[] => list.map(({ name }) => name).sort()
      const found = measure(members, newest, waits)(at)
      assert.is(found.members, members.length)
      assert.is(found.acknowledged, members.length - open.length)
      assert.equal(found.pending, names(rest.filter(({ online }) => online)))
      assert.equal(found.offline, names(rest.filter(({ online }) => !online)))
      assert.equal(found.waiting, names(open.filter(isWaiting)))
      assert.equal(
        found.takenBack.map(({ name }) => name),
        names(open.filter(isTaken)),
      )
      const confirmed = members.filter(
        (member) => compareVersion(runs(member), at) >= 0 && compareVersion(member.lastGood, at) >= 0,
      )
      assert.is(found.confirmed, confirmed.length)
      assert.equal(measure(members.toReversed(), newest, waits)(at), found)
    }),
  )
})

test.run()
