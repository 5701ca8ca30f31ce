// A device joins while its network is on its way to other addresses: who understands gets an address in both blocks at once; who
// is too old for that is told so before anything is spent, and nobody waits for it afterwards.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { renumberSteps } from '../../shared/intent/renumber-steps.ts'
import { understands } from '../../shared/wire/understands.ts'
import { admin, createWorld, device, enrolRequest, recordOf, resource, type World } from '../hub-world.fake.ts'

const NEW = { cidr: parseCidr('10.90.0.0/16') }
const specOf = (world: World): NetworkSpec => world.hub.get('Network', 'default')?.resource.spec as NetworkSpec

async function put(world: World, spec: NetworkSpec): Promise<void> {
  world.hub.put(resource('Network', 'default', spec), admin)
  await world.pass()
}

/** One member, which has said that it understands, and the first step taken. */
async function prepared(): Promise<World> {
  const world = createWorld()
  await world.start()
  await world.join(1, 'alpha')
  await world.acknowledge(device(1).nodeId)
  await put(world, renumberSteps.start(specOf(world), NEW))
  return world
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error: unknown = await attempt.then(
    () => 'was let in',
    (reason: unknown) => reason,
  )
  assert.ok(isHoldfastError(error, 'conflict'), String(error))
  return `${error.message}. ${error.remedy}`
}

const usesLeft = (world: World): readonly number[] => world.hub.listTokens().map((row) => row.usesLeft)

test('who understands joins at each step, with an address in both blocks', async () => {
  const world = await prepared()
  const word = world.token()
  const first = await world.hub.enrol(enrolRequest(word, device(2), 'beta'), understands)
  assert.is(first.state, 'enrolled')
  assert.match(String(recordOf(world, 'node/beta')['addresses']), /^100\.80\..*,10\.90\./)
  await world.acknowledge(device(1).nodeId)
  await world.acknowledge(device(2).nodeId)
  await put(world, renumberSteps.switch(specOf(world)))
  await world.hub.enrol(enrolRequest(word, device(3), 'gamma'), understands)
  assert.match(String(recordOf(world, 'node/gamma')['addresses']), /^10\.90\..*,100\.80\./)
})

for (const [what, words] of [
  ['that says nothing', []],
  ['of a build that was not told of steps', ['renumber']],
  ['that knows other news', ['pools']],
] as const) {
  test(`an agent ${what} is told why it can not join, its token is not spent, and no step waits for it`, async () => {
    const world = await prepared()
    const word = world.token({ uses: 1 })
    const before = world.version()
    const said = await refusal(world.hub.enrol(enrolRequest(word, device(2), 'beta'), words))
    assert.match(said, /network default is on its way to other addresses, and this agent is too old to take part/)
    assert.match(said, /Install the agent of the hub’s version and join again with the same token/)
    assert.equal([usesLeft(world).at(-1), world.version()], [1, before])
    assert.is(world.hub.get('Node', 'beta'), undefined)
    await world.acknowledge(device(1).nodeId)
    await put(world, renumberSteps.switch(specOf(world)))
    assert.is(specOf(world).renumber?.step, 'Switch')
    // Updated, it joins with the same token.
    assert.is((await world.hub.enrol(enrolRequest(word, device(2), 'beta'), understands)).state, 'enrolled')
  })
}

test('a token that opens nothing is told nothing of it', async () => {
  const world = await prepared()
  const request = enrolRequest(world.token(), device(2), 'beta')
  const error: unknown = await world.hub.enrol({ ...request, secret: 'AAAA' }).catch((reason: unknown) => reason)
  assert.ok(isHoldfastError(error, 'forbidden'), String(error))
})

test('when it is over, or was never begun, an older agent joins as ever', async () => {
  const world = await prepared()
  await put(world, renumberSteps.end(specOf(world)))
  assert.is((await world.hub.enrol(enrolRequest(world.token(), device(2), 'beta'))).state, 'enrolled')
})

test('one that waited for approval from before the first step is told, too, once it asks again', async () => {
  const world = createWorld()
  await world.start()
  const word = world.token({ uses: 1, autoApprove: false })
  const request = enrolRequest(word, device(2), 'beta')
  assert.is((await world.hub.enrol(request)).state, 'pending')
  await put(world, renumberSteps.start(specOf(world), NEW))
  await world.hub.approve('beta', admin)
  assert.match(await refusal(world.hub.enrol(request)), /too old to take part/)
  // The step waits for it now, and says for whom; updated, it asks once more.
  assert.throws(() => world.hub.put(resource('Network', 'default', renumberSteps.switch(specOf(world))), admin), /beta/)
  assert.is((await world.hub.enrol(request, understands)).state, 'enrolled')
})

test('a member whose agent was put back to an older one is named, with what to do', async () => {
  const world = await prepared()
  await world.acknowledge(device(1).nodeId, world.version(), [], [])
  const shown = world.hub.get('Network', 'default')?.status.conditions.find(({ type }) => type === 'Renumbering')
  assert.match(shown?.message ?? '', /update the agents of alpha: they are too old to take part/)
  await world.acknowledge(device(1).nodeId)
  const now = world.hub.get('Network', 'default')?.status.conditions.find(({ type }) => type === 'Renumbering')
  assert.not.match(now?.message ?? '', /too old/)
})

test.run()
