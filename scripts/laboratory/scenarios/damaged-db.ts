// The device's database is torn or gone: the keys survive, the kernel stays as it is, and the cache is filled again.

import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fleet } from '../fleet.ts'
import type { LabNode } from '../node.ts'
import { watchPing } from '../ping.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { oneSite } from '../shapes.ts'
import { expect } from '../unmet.ts'

function removeDatabase(node: LabNode): void {
  const state = node.state()
  for (const name of readdirSync(state).filter((file) => /^state\.db(?:-wal|-shm)?$/.test(file))) {
    rmSync(join(state, name))
  }
}

function tearDatabase(node: LabNode): void {
  removeDatabase(node)
  writeFileSync(join(node.state(), 'state.db'), 'what a dying SD card gives back'.repeat(1_000))
}

async function holdsNewest(fleet: Fleet, node: LabNode): Promise<void> {
  const { version } = await fleet.hub.rollOut()
  await fleet.sees(node, `holds and applies revision ${version.revision}`, ({ revision }) => {
    return revision.held.revision === version.revision && revision.applied.revision === version.revision
  })
}

export const scenario: Scenario = {
  name: 'damaged-db',
  promise: 'a damaged or missing database is set aside and rebuilt, and no packet is lost over it',
  shape: oneSite,
  async play(fleet, story) {
    const [one, two] = [fleet.node('alpha-1'), fleet.node('alpha-2')]
    await story.step('the mesh is whole', () => fleet.mesh())
    const watch = watchPing(one.host, await two.address())
    await story.step('alpha-2’s database is torn; its agent starts again', async () => {
      await two.end('SIGKILL')
      tearDatabase(two)
      await two.start()
    })
    await story.step('it says so, and has filled its cache from the hub', async () => {
      await fleet.sees(two, 'health says that the database was rebuilt', ({ health }) =>
        health.some(({ code }) => code === 'database-rebuilt'),
      )
      await holdsNewest(fleet, two)
    })
    await story.step('the database is removed; its agent starts again', async () => {
      await two.end('SIGKILL')
      removeDatabase(two)
      await two.start()
      await holdsNewest(fleet, two)
    })
    await story.step('torn once more, now with the hub away: the kernel is left alone', async () => {
      await fleet.hub.kill()
      await two.end('SIGKILL')
      tearDatabase(two)
      await two.start()
      await fleet.mesh()
    })
    await story.step('the hub comes back, and the cache with it', async () => {
      await fleet.hub.start()
      await holdsNewest(fleet, two)
      await fleet.acknowledged()
    })
    const { gapMs, lost, sent } = await watch.stop()
    await story.step('not one ping was lost', async () =>
      expect(lost === 0, 'no ping lost', `${lost} of ${sent}, ${gapMs} ms in a row`),
    )
  },
}

if (import.meta.main) process.exitCode = await runScenario(scenario)
