// An update as a device goes through it: who leaves, who comes, who stays; what is kept, what is told, and what is never touched.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { HoldfastError } from '../shared/errors.ts'
import { again, codes, kernelText, lastStatus, me, online, other, type Rig, third } from './agent-rig.fake.ts'
import type { ConfirmDoors } from './confirm/doors.ts'
import type { Build } from './update/case.ts'
import type { UpdateDoors } from './update/doors.ts'
import type { Slot } from './update/slot.ts'
import { carryOutOn, endLate, type FakeHome, fakeHome, startFrom } from './update/starter.fake.ts'

const PLC = 'tcp:10.0.0.5:502'
const SHA = 'c'.repeat(64)

interface World {
  rig: Rig
  readonly home: FakeHome
  /** Probes that answer. */
  readonly answering: Set<string>
  /** True once the agent asked for the other version. */
  left: boolean
}

function buildIn(slot: Slot): Build {
  return slot === 'a' ? { slot, version: '1.0.0' } : { slot, version: '2.0.0', sha256: SHA }
}

function doorsOf(world: World, slot: Slot): UpdateDoors {
  const { home } = world
  return {
    home: '/opt/holdfast',
    runs: buildIn(slot),
    read: () => home.kept,
    build: (of) => (home.whole.has(of) ? buildIn(of) : undefined),
    carryOut(step) {
      if (!home.writable) throw new HoldfastError('failed', 'the disk takes no writes')
      carryOutOn(home, step)
    },
    restart: () => void (world.left = true),
  }
}

function confirmDoors({ answering }: Pick<World, 'answering'>): ConfirmDoors {
  return { watchMs: 30_000, probes: [PLC], ask: async (probe) => answering.has(probe) }
}

async function begun(): Promise<World> {
  const world = { home: fakeHome(), answering: new Set([PLC]), left: false } as unknown as World
  world.rig = await online({ extra: { confirm: confirmDoors(world), update: doorsOf(world, 'a') } })
  world.home.whole.add('b')
  return world
}

/** The agent ends however it does, and the starter starts one. Returns the slot. */
async function restart(world: World): Promise<Slot> {
  await world.rig.stop()
  const slot = startFrom(world.home)
  world.left = false
  world.rig = again(world.rig, { extra: { confirm: confirmDoors(world), update: doorsOf(world, slot) } })
  await world.rig.agent.start()
  await world.rig.advance(1_000)
  return slot
}

async function update(world: World): Promise<Slot> {
  const { agent } = world.rig
  const asked = agent.updates()?.begin(SHA)
  await world.rig.advance(5_000)
  const answer = await asked
  assert.equal([answer?.from.version, answer?.to.version], ['1.0.0', '2.0.0'])
  return await restart(world)
}

function shown({ rig }: Pick<World, 'rig'>): string {
  const { last, trial } = rig.agent.status().update ?? {}
  if (trial !== undefined) return `trial of ${trial.version} from ${trial.from}`
  const sure = last?.certain === true ? 'certain' : ''
  return last === undefined ? 'none' : [last.outcome, last.version, last.failed?.check ?? '', sure].join(' ').trim()
}

test('one that breaks nothing is confirmed after the watch; the kernel is not touched by any of it', async () => {
  const world = await begun()
  assert.is(shown(world), 'none')
  const [before, ops] = [kernelText(world.rig), world.rig.kernel.journal.length]
  assert.is(await update(world), 'b')
  assert.is(shown(world), 'trial of 2.0.0 from 1.0.0')
  assert.is(lastStatus(world.rig).update?.trial?.version, '2.0.0')
  await world.rig.advance(35_000)
  assert.is(shown(world), 'confirmed 2.0.0')
  assert.equal([world.home.kept.mark, world.home.current, world.left], [undefined, 'b', false])
  await world.rig.advance(10_000)
  assert.is(lastStatus(world.rig).update?.last?.outcome, 'confirmed')
  assert.is(kernelText(world.rig), before)
  // What each start lays anew as a whole, the same; no link, peer, address or route.
  const tables = new Set(['policy-set', 'ruleset-set'])
  assert.equal(
    world.rig.kernel.journal.slice(ops).filter(({ op }) => !tables.has(op)),
    [],
  )
  assert.is(await restart(world), 'b')
  assert.is(shown(world), 'confirmed 2.0.0')
  await world.rig.stop()
})

test('one that loses the hub gives way to the one before it, which says why and finds out whether it was to blame', async () => {
  const world = await begun()
  assert.is(await update(world), 'b')
  world.rig.broker.setDown(true)
  await world.rig.advance(110_000)
  assert.is(shown(world), 'trial of 2.0.0 from 1.0.0')
  await world.rig.advance(30_000)
  assert.ok(world.left)
  assert.is(await restart(world), 'a')
  assert.is(shown(world), 'taken-back 2.0.0 hub')
  assert.ok(codes(world.rig).includes('update-taken-back'))
  world.rig.broker.setDown(false)
  await world.rig.advance(60_000)
  assert.is(shown(world), 'taken-back 2.0.0 hub certain')
  await world.rig.advance(10_000)
  const { health, update: told } = lastStatus(world.rig)
  assert.equal([told?.last?.outcome, told?.last?.check, told?.last?.certain], ['taken-back', 'hub', true])
  assert.match(health.find(({ code }) => code === 'update-taken-back')?.detail ?? '', 'version 2.0.0, check hub')
  assert.equal(
    world.home.kept.update.refused.map(({ sha256 }) => sha256),
    [SHA],
  )
  await world.rig.stop()
})

test('what does not come back without it either is not blamed on it; what comes back in time is no matter', async () => {
  const world = await begun()
  await update(world)
  world.answering.delete(PLC)
  await world.rig.advance(60_000)
  world.answering.add(PLC)
  await world.rig.advance(10_000)
  assert.is(shown(world), 'confirmed 2.0.0')
  await world.rig.stop()
  const second = await begun()
  await update(second)
  second.answering.delete(PLC)
  await second.rig.advance(140_000)
  assert.is(await restart(second), 'a')
  await second.rig.advance(9 * 60_000)
  assert.is(second.home.kept.update.now.stage, 'returned')
  await second.rig.advance(2 * 60_000)
  assert.is(shown(second), 'taken-back 2.0.0 probe')
  assert.is(second.home.kept.update.now.stage, 'steady')
  await second.rig.stop()
})

test('one that is started again and again, and one that is ended by the starter, are taken back with that reason', async () => {
  const world = await begun()
  await update(world)
  for (let start = 2; start <= 4; start++) assert.is(await restart(world), 'b')
  assert.is(await restart(world), 'a')
  assert.is(shown(world), 'taken-back 2.0.0 restarts')
  await world.rig.advance(40_000)
  assert.is(shown(world), 'taken-back 2.0.0 restarts certain')
  await world.rig.stop()
  const second = await begun()
  await update(second)
  endLate(second.home)
  assert.is(await restart(second), 'a')
  assert.match(second.rig.agent.status().update?.last?.failed?.detail ?? '', 'not proven within 225 s')
  await second.rig.stop()
})

test('a power cut in the middle of the watch does not end it', async () => {
  const world = await begun()
  await update(world)
  await world.rig.advance(10_000)
  assert.is(await restart(world), 'b')
  assert.is(shown(world), 'trial of 2.0.0 from 1.0.0')
  await world.rig.advance(35_000)
  assert.is(shown(world), 'confirmed 2.0.0')
  await world.rig.stop()
})

test('members that are removed in the middle of it stay removed, whichever version runs', async () => {
  const world = await begun()
  world.rig.hub.putNode(third).publish()
  await world.rig.advance(60_000)
  await update(world)
  world.rig.hub.remove('node/other').publish()
  await world.rig.advance(5_000)
  world.answering.delete(PLC)
  await world.rig.advance(140_000)
  assert.is(await restart(world), 'a')
  const peers = new Set(world.rig.kernel.device?.peers.keys())
  assert.equal([peers.has(other.wgKey), peers.has(third.wgKey)], [false, true])
  await world.rig.stop()
})

async function refusal(world: World, sha256 = SHA): Promise<string> {
  const asked = world.rig.agent.updates()?.begin(sha256)
  const said = asked?.then(
    () => 'begun',
    (error: Error) => error.message,
  )
  await world.rig.advance(5_000)
  return (await said) ?? 'no updates'
}

test('this is not the time while a revision or an update is on trial; nor for a build that is not there', async () => {
  const world = await begun()
  assert.match(await refusal(world, 'd'.repeat(64)), 'does not hold that build')
  world.rig.hub.putNode(me, { labels: { role: 'other' } }).publish()
  await world.rig.advance(2_000)
  assert.is(await refusal(world), 'a revision is on trial')
  await world.rig.advance(60_000)
  await update(world)
  assert.is(await refusal(world), 'version 2.0.0 is on trial')
  await world.rig.stop()
})

test('on a disk that takes no writes nothing begins, and the agent stays', async () => {
  const world = await begun()
  world.home.writable = false
  assert.match(await refusal(world), 'takes no writes')
  assert.not.ok(world.left)
  assert.is(shown(world), 'none')
  world.home.writable = true
  assert.is(await restart(world), 'a')
  assert.is(shown(world), 'none')
  await world.rig.stop()
})

test('an agent that no starter started knows no updates', async () => {
  const rig = await online()
  assert.is(rig.agent.updates(), undefined)
  await rig.stop()
})

test.run()
